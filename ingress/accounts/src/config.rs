//! Section `accounts`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use onsale_auth::{secret, secret_file};
use onsale_private::{KeyRing, RingError, SECRET_MIN_BYTES};
use onsale_settings::{ConfigProblem, LOCAL_URL, NamedFile, Secret, check_range, has_web_address};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::providers::ProviderConfig;
use crate::providers::config::{PROVIDERS_MAX, is_protected};

/// Keys that values may still be sealed with besides the current one.
const OLD_KEYS_MAX: usize = 15;
/// Cheaper hashes could be tried too fast, dearer ones would take a second each.
const COST_MIN: u32 = 10;
const COST_MAX: u32 = 16;
/// The lowest that bcrypt has.
#[cfg(feature = "testing")]
const COST_OF_TESTS: u32 = 4;
const THREADS_MAX: u32 = 64;
const QUEUE_MAX: u32 = 100_000;
const DAY_SECONDS: u64 = 86_400;
/// Longest name of the installation, in characters: authenticator apps have one line for it.
const SERVICE_NAME_MAX_CHARS: usize = 64;

/// Who has to have a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorRule {
    /// Nobody; everybody may.
    #[default]
    None,
    /// Admins of the installation.
    Operators,
    /// They, and members of tenants.
    Staff,
}

/// People: how they sign in, and with what what is kept of them is sealed.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// Secret that personal data is sealed with, at least 32 bytes, the same on every node. Unset: with
    /// the embedded log it is created once in the data folder; elsewhere there are no accounts.
    pub key: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub key_file: Option<PathBuf>,
    /// Files with earlier secrets, which still open what was sealed with them.
    pub old_key_files: Vec<PathBuf>,
    /// Whether anyone may register.
    pub registration: bool,
    /// Whether anyone may buy without an account.
    pub guests: bool,
    /// Life of a guest's token, in seconds: within it the purchase is made and paid for.
    pub guest_token_seconds: u64,
    /// Whether cookies of browsers do without `Secure`, which some browsers want for `http://localhost`. For
    /// development only: anyone on the way reads them.
    pub insecure_cookies: bool,
    /// Life of an access token, in seconds.
    pub access_token_seconds: u64,
    /// Life of a refresh token, and so of a session that nobody uses, in seconds.
    pub refresh_token_seconds: u64,
    /// For how long a refresh token that was just used gives the same answer again, for two tabs that
    /// refresh at once and for answers that got lost, in seconds.
    pub refresh_grace_seconds: u64,
    /// Life of a link that verifies an address, in seconds.
    pub verify_link_seconds: u64,
    /// Life of a link that resets a password, in seconds.
    pub reset_link_seconds: u64,
    /// Life of an invitation to a tenant, in seconds.
    pub invitation_seconds: u64,
    /// Whether everyone who has verified the account's address may open a tenant; otherwise operators and admins do.
    pub self_service_tenants: bool,
    /// Who has to have a second factor. Without one their tokens say the role of a buyer.
    pub require_second_factor: SecondFactorRule,
    /// What authenticator apps and passkeys call this installation.
    pub service_name: String,
    /// Where the pages are on which people sign in, and to which links lead: passkeys are bound to this host.
    /// Unset: `http.public_url`.
    pub pages_url: Option<String>,
    /// Cost of a password's hash (bcrypt): one more takes twice as long.
    pub bcrypt_cost: u32,
    /// Threads that compute them; 0 is half of the processors.
    pub password_threads: u32,
    /// Passwords that may wait for a thread; more are answered 503.
    pub password_queue_max: u32,
    /// The older name of `http.public_url`, for what providers send people back to. The binary hands the address
    /// on by it.
    pub public_url: Option<String>,
    /// How long a provider may take for an answer, in seconds.
    pub provider_timeout_seconds: u64,
    /// With whom people have an account by which they sign in here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Whether hashes are as cheap as there are any, whatever `bcrypt_cost` says: for tests, out of reach of
    /// configuration.
    #[cfg(feature = "testing")]
    #[serde(skip)]
    pub cheapest_hashes: bool,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            key: None,
            key_file: None,
            old_key_files: Vec::new(),
            registration: true,
            guests: true,
            guest_token_seconds: 3_600,
            insecure_cookies: false,
            access_token_seconds: 900,
            refresh_token_seconds: 7 * DAY_SECONDS,
            refresh_grace_seconds: 10,
            verify_link_seconds: 3 * DAY_SECONDS,
            reset_link_seconds: 3_600,
            invitation_seconds: 7 * DAY_SECONDS,
            self_service_tenants: false,
            require_second_factor: SecondFactorRule::None,
            service_name: "Onsale".to_owned(),
            pages_url: None,
            bcrypt_cost: 12,
            password_threads: 0,
            password_queue_max: 64,
            public_url: None,
            provider_timeout_seconds: 10,
            providers: BTreeMap::new(),
            #[cfg(feature = "testing")]
            cheapest_hashes: false,
        }
    }
}

/// Why the keys of personal data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read, or holds no secret.
    #[error(transparent)]
    File(#[from] onsale_auth::KeyError),
    /// They are no ring.
    #[error("the keys of accounts.key and accounts.old_key_files cannot be used together")]
    Ring(#[from] RingError),
}

impl AccountsConfig {
    /// Whether there is a key, so that there can be accounts.
    pub fn has_key(&self) -> bool {
        self.key.is_some() || self.key_file.is_some()
    }

    /// What a hash of a password costs here.
    pub(crate) fn cost(&self) -> u32 {
        #[cfg(feature = "testing")]
        if self.cheapest_hashes {
            return COST_OF_TESTS;
        }
        self.bcrypt_cost
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let key = self.key_file.iter();
        let key = key.map(|path| secret_file("accounts.key_file", path));
        let old =
            self.old_key_files.iter().enumerate().map(|(index, path)| {
                secret_file(&format!("accounts.old_key_files[{index}]"), path)
            });
        let providers = self.providers.iter();
        let providers = providers.filter_map(|(name, provider)| provider.file(name));
        key.chain(old).chain(providers).collect()
    }

    /// Whether providers send people back to their own machines: plain `http://` leads nowhere else.
    pub fn has_useless_callbacks(&self) -> bool {
        !self.providers.is_empty() && self.callbacks_url().starts_with("http://")
    }

    /// Where providers send people back to.
    pub fn callbacks_url(&self) -> &str {
        self.public_url.as_deref().unwrap_or(LOCAL_URL)
    }

    /// The keys; `None` where there are none.
    ///
    /// # Errors
    /// When a file cannot be read, or its secret not be used.
    pub fn ring(&self) -> Result<Option<KeyRing>, KeysError> {
        let file = self.key_file.as_deref();
        let Some(current) = secret(self.key.as_ref(), "accounts.key_file", file)? else {
            return Ok(None);
        };
        let mut older = Vec::new();
        for (index, file) in self.old_key_files.iter().enumerate() {
            let setting = format!("accounts.old_key_files[{index}]");
            older.extend(secret(None, &setting, Some(file.as_path()))?);
        }
        Ok(Some(KeyRing::new(&current, &older)?))
    }

    /// Threads that compute passwords.
    pub(crate) fn threads(&self) -> usize {
        match usize::try_from(self.password_threads) {
            Ok(0) | Err(_) => {
                let processors = std::thread::available_parallelism();
                processors.map_or(1, |count| (count.get() / 2).max(1))
            }
            Ok(threads) => threads,
        }
    }

    /// How long a provider may take for an answer.
    pub(crate) fn provider_timeout(&self) -> Duration {
        Duration::from_secs(self.provider_timeout_seconds)
    }

    fn check_providers(&self, problems: &mut Vec<ConfigProblem>) {
        let is_origin = |url: &Url| {
            is_protected(url)
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let url = self.callbacks_url();
        if !self.providers.is_empty() && !Url::parse(url).is_ok_and(|url| is_origin(&url)) {
            // Someone may have written a password into it, so it is not repeated then.
            let value = match url.contains('@') {
                true => "(hidden)".to_owned(),
                false => format!("{url:?}"),
            };
            problems.push(ConfigProblem::new(
                "accounts.public_url",
                value,
                "an address as https://tickets.example.com, without a path; http:// on this machine alone",
            ));
        }
        if self.providers.len() > PROVIDERS_MAX {
            problems.push(ConfigProblem::new(
                "accounts.providers",
                format!("{} providers", self.providers.len()),
                format!("at most {PROVIDERS_MAX}"),
            ));
        }
        for (name, provider) in &self.providers {
            provider.check(name, problems);
        }
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let file = self.key_file.as_deref();
        Secret::check_once(problems, ("accounts", "key"), self.key.as_ref(), file);
        if let Some(key) = &self.key
            && key.expose().len() < SECRET_MIN_BYTES
        {
            problems.push(ConfigProblem::new(
                "accounts.key",
                format!("a secret of {} bytes", key.expose().len()),
                format!("a secret of at least {SECRET_MIN_BYTES} bytes"),
            ));
        }
        self.check_providers(problems);
        if self.old_key_files.len() > OLD_KEYS_MAX {
            problems.push(ConfigProblem::new(
                "accounts.old_key_files",
                format!("{} files", self.old_key_files.len()),
                format!("at most {OLD_KEYS_MAX}"),
            ));
        }
        let name = self.service_name.trim();
        let is_fine = |c: char| !c.is_control() && c != ':';
        if !(1..=SERVICE_NAME_MAX_CHARS).contains(&name.chars().count())
            || !name.chars().all(is_fine)
        {
            problems.push(ConfigProblem::new(
                "accounts.service_name",
                format!("{:?}", self.service_name),
                format!("1 to {SERVICE_NAME_MAX_CHARS} characters on one line, without a colon"),
            ));
        }
        if let Some(url) = &self.pages_url
            && !has_web_address(url)
        {
            problems.push(ConfigProblem::new(
                "accounts.pages_url",
                format!("{url:?}"),
                "a URL, as https://tickets.example.test",
            ));
        }
        for (key, seconds, range) in [
            (
                "access_token_seconds",
                self.access_token_seconds,
                60..=DAY_SECONDS,
            ),
            (
                "guest_token_seconds",
                self.guest_token_seconds,
                300..=DAY_SECONDS,
            ),
            (
                "refresh_token_seconds",
                self.refresh_token_seconds,
                3_600..=90 * DAY_SECONDS,
            ),
            ("refresh_grace_seconds", self.refresh_grace_seconds, 0..=60),
            (
                "verify_link_seconds",
                self.verify_link_seconds,
                600..=30 * DAY_SECONDS,
            ),
            (
                "invitation_seconds",
                self.invitation_seconds,
                3_600..=30 * DAY_SECONDS,
            ),
            (
                "reset_link_seconds",
                self.reset_link_seconds,
                300..=DAY_SECONDS,
            ),
            (
                "provider_timeout_seconds",
                self.provider_timeout_seconds,
                1..=60,
            ),
        ] {
            check_range(problems, &format!("accounts.{key}"), seconds, range);
        }
        for (key, number, range) in [
            ("bcrypt_cost", self.bcrypt_cost, COST_MIN..=COST_MAX),
            ("password_threads", self.password_threads, 0..=THREADS_MAX),
            ("password_queue_max", self.password_queue_max, 1..=QUEUE_MAX),
        ] {
            check_range(problems, &format!("accounts.{key}"), number, range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_named() {
        let right = AccountsConfig::default();
        let google = ProviderConfig {
            issuer: Some("https://id.example.com".to_owned()),
            client_id: "id".to_owned(),
            ..ProviderConfig::default()
        };
        let with_google = AccountsConfig {
            providers: [("google".to_owned(), google)].into(),
            ..right.clone()
        };
        let cases = [
            (right.clone(), ""),
            (with_google.clone(), ""),
            (
                AccountsConfig {
                    key: Some(Secret::new("short")),
                    ..right.clone()
                },
                "accounts.key",
            ),
            (
                AccountsConfig {
                    key: Some(Secret::new("k".repeat(32))),
                    key_file: Some("key".into()),
                    ..right.clone()
                },
                "accounts",
            ),
            (
                AccountsConfig {
                    bcrypt_cost: 4,
                    ..right.clone()
                },
                "accounts.bcrypt_cost",
            ),
            (
                AccountsConfig {
                    guest_token_seconds: 299,
                    ..right.clone()
                },
                "accounts.guest_token_seconds",
            ),
            (
                AccountsConfig {
                    public_url: Some("http://tickets.example.com".to_owned()),
                    ..with_google.clone()
                },
                "accounts.public_url",
            ),
            (
                AccountsConfig {
                    public_url: Some("https://tickets.example.com/shop".to_owned()),
                    ..with_google.clone()
                },
                "accounts.public_url",
            ),
            (
                AccountsConfig {
                    provider_timeout_seconds: 0,
                    ..right.clone()
                },
                "accounts.provider_timeout_seconds",
            ),
            (
                AccountsConfig {
                    service_name: "Opera: tickets".to_owned(),
                    ..right.clone()
                },
                "accounts.service_name",
            ),
            (
                AccountsConfig {
                    pages_url: Some("tickets.example.test".to_owned()),
                    ..right.clone()
                },
                "accounts.pages_url",
            ),
            (
                AccountsConfig {
                    refresh_grace_seconds: 61,
                    ..right
                },
                "accounts.refresh_grace_seconds",
            ),
        ];
        for (config, wrong) in cases {
            let mut problems = Vec::new();
            config.check(&mut problems);
            let named: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
            let expected: Vec<&str> = Some(wrong).filter(|w| !w.is_empty()).into_iter().collect();
            assert_eq!(named, expected, "{config:?}");
        }
    }

    #[test]
    fn callbacks_that_lead_nowhere_are_noticed() {
        let none = AccountsConfig::default();
        assert!(!none.has_useless_callbacks(), "nobody is sent anywhere");
        let google = ProviderConfig::default();
        let here = AccountsConfig {
            providers: [("google".to_owned(), google)].into(),
            ..none
        };
        assert!(here.has_useless_callbacks());
        let public = AccountsConfig {
            public_url: Some("https://tickets.example.test".to_owned()),
            ..here
        };
        assert!(!public.has_useless_callbacks());
    }

    #[test]
    fn without_a_key_there_is_no_ring() {
        assert!(AccountsConfig::default().ring().unwrap().is_none());
        let config = AccountsConfig {
            key: Some(Secret::new("k".repeat(32))),
            ..AccountsConfig::default()
        };
        assert!(config.has_key());
        assert!(config.ring().unwrap().is_some());
    }
}
