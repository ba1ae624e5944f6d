//! Section `payments`.

use std::path::PathBuf;

use onsale_settings::{
    ConfigProblem, NamedFile, Secret, SecretFileError, check_range, has_web_address, secret_text,
};
use serde::{Deserialize, Serialize};

const STRIPE_KEY_FILE: &str = "payments.stripe_key_file";
const STRIPE_WEBHOOK_SECRET_FILE: &str = "payments.stripe_webhook_secret_file";
const KEY_EXPECTED: &str = "a secret key of Stripe, as sk_live_… or rk_live_…";
const WEBHOOK_SECRET_EXPECTED: &str = "the secret that Stripe signs notices with, as whsec_…; while it is changed, both with a comma between";
/// Most webhook secrets at a time.
const WEBHOOK_SECRETS_MAX: usize = 2;

/// Who takes the money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    /// A gateway within this process that takes no money. For development only.
    Simulated,
    /// Stripe.
    Stripe,
}

/// Payments.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentsConfig {
    /// True lets buyers confirm their own bookings without paying. For development only.
    pub simulated: bool,
    /// Who takes the money. Unset: a payment service confirms bookings; only cash and what costs nothing is settled
    /// here.
    pub gateway: Option<GatewayKind>,
    /// The secret key of Stripe's interface.
    pub stripe_key: Option<Secret>,
    /// File that holds that key; white space around it is cut off.
    pub stripe_key_file: Option<PathBuf>,
    /// What Stripe signs notices with. While it is changed: the new and the old one with a comma between.
    pub stripe_webhook_secret: Option<Secret>,
    /// File that holds that; white space around it is cut off.
    pub stripe_webhook_secret_file: Option<PathBuf>,
    /// Where Stripe's interface is, for tests against another one. Unset: Stripe's own.
    pub stripe_url: Option<String>,
    /// How long a payment may take before it is given up, in seconds.
    pub payment_seconds: u64,
    /// How long before the end of a hold an unpaid payment is cancelled at the gateway, in seconds.
    pub cancel_before_end_seconds: u64,
    /// By how much a hold is extended while its payment is under way, in seconds.
    pub extend_seconds: u32,
    /// By how much one payment extends a hold in all, in seconds; 0: never.
    pub extend_max_seconds: u64,
    /// How often a payment that waits is looked at, in seconds.
    pub poll_seconds: u64,
    /// Pause after the first call of a gateway that failed, in milliseconds. It doubles.
    pub backoff_min_ms: u64,
    /// Longest pause after a call of a gateway that failed, in milliseconds.
    pub backoff_max_ms: u64,
    /// How often a call of a gateway is tried before it is left to the next look.
    pub tries_max: u32,
    /// How long a buyer may pay otherwise whose money was set aside and could not be taken, in seconds. Then the
    /// places go back on sale.
    pub capture_grace_seconds: u64,
}

impl Default for PaymentsConfig {
    fn default() -> Self {
        Self {
            simulated: false,
            gateway: None,
            stripe_key: None,
            stripe_key_file: None,
            stripe_webhook_secret: None,
            stripe_webhook_secret_file: None,
            stripe_url: None,
            payment_seconds: 600,
            cancel_before_end_seconds: 30,
            extend_seconds: 300,
            extend_max_seconds: 900,
            poll_seconds: 60,
            backoff_min_ms: 500,
            backoff_max_ms: 8_000,
            tries_max: 5,
            capture_grace_seconds: 600,
        }
    }
}

impl PaymentsConfig {
    /// The key of Stripe from the configuration or from its file; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn configured_stripe_key(&self) -> Result<Option<Secret>, SecretFileError> {
        let file = self.stripe_key_file.as_deref();
        Secret::configured(self.stripe_key.as_ref(), STRIPE_KEY_FILE, file)
    }

    /// What Stripe signs notices with, from the configuration or from its file: one or two; none if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn configured_webhook_secrets(&self) -> Result<Vec<Secret>, SecretFileError> {
        let file = self.stripe_webhook_secret_file.as_deref();
        let given = self.stripe_webhook_secret.as_ref();
        let configured = Secret::configured(given, STRIPE_WEBHOOK_SECRET_FILE, file)?;
        Ok(configured
            .iter()
            .flat_map(|secrets| parts(secrets.expose()))
            .map(Secret::new)
            .collect())
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let key = self.stripe_key_file.iter().map(|path| {
            NamedFile::secret(
                STRIPE_KEY_FILE,
                path,
                KEY_EXPECTED,
                |bytes| match is_visible(secret_text(bytes)?) {
                    true => Ok(()),
                    false => Err("it holds no such key".to_owned()),
                },
            )
        });
        let secret = self.stripe_webhook_secret_file.iter().map(|path| {
            NamedFile::secret(
                STRIPE_WEBHOOK_SECRET_FILE,
                path,
                WEBHOOK_SECRET_EXPECTED,
                |bytes| match are_secrets(secret_text(bytes)?) {
                    true => Ok(()),
                    false => Err("it holds no such secret".to_owned()),
                },
            )
        });
        key.chain(secret).collect()
    }

    /// Adds every setting that cannot be used.
    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let (key, key_file) = (self.stripe_key.as_ref(), self.stripe_key_file.as_deref());
        Secret::check_once(problems, ("payments", "stripe_key"), key, key_file);
        let secret = self.stripe_webhook_secret.as_ref();
        let secret_file = self.stripe_webhook_secret_file.as_deref();
        let name = ("payments", "stripe_webhook_secret");
        Secret::check_once(problems, name, secret, secret_file);
        let hidden = "(hidden)";
        if key.is_some_and(|key| !is_visible(key.expose())) {
            problems.push(ConfigProblem::new(
                "payments.stripe_key",
                hidden,
                KEY_EXPECTED,
            ));
        }
        if secret.is_some_and(|secret| !are_secrets(secret.expose())) {
            problems.push(ConfigProblem::new(
                "payments.stripe_webhook_secret",
                hidden,
                WEBHOOK_SECRET_EXPECTED,
            ));
        }
        if self.gateway == Some(GatewayKind::Stripe) {
            for (name, is_set, expected) in [
                (
                    "payments.stripe_key",
                    key.is_some() || key_file.is_some(),
                    KEY_EXPECTED,
                ),
                (
                    "payments.stripe_webhook_secret",
                    secret.is_some() || secret_file.is_some(),
                    WEBHOOK_SECRET_EXPECTED,
                ),
            ] {
                if !is_set {
                    problems.push(ConfigProblem::new(name, "(not set)", expected));
                }
            }
        }
        if let Some(url) = &self.stripe_url
            && !is_safe(url)
        {
            // Someone may have written a password into it, so it is not repeated then.
            let value = match url.contains('@') {
                true => hidden.to_owned(),
                false => format!("{url:?}"),
            };
            problems.push(ConfigProblem::new(
                "payments.stripe_url",
                value,
                "a URL that begins with https://, or with http:// on this machine",
            ));
        }
        self.check_terms(problems);
    }

    fn check_terms(&self, problems: &mut Vec<ConfigProblem>) {
        let mut check = |key: &str, value: u64, min: u64, max: u64| {
            check_range(problems, &format!("payments.{key}"), value, min..=max);
        };
        check("payment_seconds", self.payment_seconds, 60, 86_400);
        // A payment has some time before it is cancelled for the end of its hold.
        check(
            "cancel_before_end_seconds",
            self.cancel_before_end_seconds,
            5,
            (self.payment_seconds.max(60) / 2).min(600),
        );
        check("extend_seconds", self.extend_seconds.into(), 10, 3_600);
        check("extend_max_seconds", self.extend_max_seconds, 0, 43_200);
        check("poll_seconds", self.poll_seconds, 5, 3_600);
        check("backoff_min_ms", self.backoff_min_ms, 50, 60_000);
        check(
            "backoff_max_ms",
            self.backoff_max_ms,
            self.backoff_min_ms.clamp(50, 60_000),
            600_000,
        );
        check("tries_max", self.tries_max.into(), 1, 20);
        check(
            "capture_grace_seconds",
            self.capture_grace_seconds,
            60,
            604_800,
        );
    }
}

/// The secrets of a setting that may hold two.
fn parts(secrets: &str) -> impl Iterator<Item = &str> {
    secrets.split(',').map(str::trim)
}

fn are_secrets(text: &str) -> bool {
    (1..=WEBHOOK_SECRETS_MAX).contains(&parts(text).count()) && parts(text).all(is_visible)
}

/// What can stand in a header.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether keys are sent there encrypted, or stay on this machine.
fn is_safe(url: &str) -> bool {
    let is_local = || {
        let host = url.strip_prefix("http://").unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        ["localhost", "127.0.0.1"].contains(&host)
    };
    has_web_address(url)
        && !url.contains(['@', '#', '?'])
        && (url.starts_with("https://") || is_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &PaymentsConfig) -> Vec<String> {
        let mut problems = Vec::new();
        config.check(&mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    fn stripe() -> PaymentsConfig {
        PaymentsConfig {
            gateway: Some(GatewayKind::Stripe),
            stripe_key: Some(Secret::new("sk_test_1")),
            stripe_webhook_secret: Some(Secret::new("whsec_new, whsec_old")),
            ..PaymentsConfig::default()
        }
    }

    #[test]
    fn what_is_right_is_taken() {
        assert_eq!(said(&PaymentsConfig::default()), Vec::<String>::new());
        assert_eq!(said(&stripe()), Vec::<String>::new());
        let secrets = stripe().configured_webhook_secrets().unwrap();
        let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        assert_eq!(secrets, ["whsec_new", "whsec_old"]);
        for url in [
            "https://pay.example",
            "http://127.0.0.1:12111",
            "http://localhost:1",
        ] {
            let config = PaymentsConfig {
                stripe_url: Some(url.to_owned()),
                ..stripe()
            };
            assert_eq!(said(&config), Vec::<String>::new(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        type Change = fn(&mut PaymentsConfig);
        let wrong: &[(Change, &str, &str)] = &[
            (
                |it| it.stripe_key = None,
                "payments.stripe_key = (not set)",
                "sk_live_",
            ),
            (
                |it| it.stripe_webhook_secret = None,
                "payments.stripe_webhook_secret = (not set)",
                "whsec_",
            ),
            (
                |it| it.stripe_key = Some(Secret::new("with blank")),
                "payments.stripe_key = (hidden)",
                "sk_live_",
            ),
            (
                |it| it.stripe_webhook_secret = Some(Secret::new("a,b,c")),
                "payments.stripe_webhook_secret = (hidden)",
                "whsec_",
            ),
            (
                |it| it.stripe_key_file = Some(PathBuf::from("key")),
                "payments = stripe_key and stripe_key_file",
                "one of the two",
            ),
            (
                |it| it.stripe_url = Some("http://pay.example".to_owned()),
                "payments.stripe_url = \"http://pay.example\"",
                "https://",
            ),
            (
                |it| it.stripe_url = Some("https://user:word@pay.example".to_owned()),
                "payments.stripe_url = (hidden)",
                "https://",
            ),
            (
                |it| it.payment_seconds = 5,
                "payments.payment_seconds = 5",
                "60 to 86400",
            ),
            (
                |it| it.cancel_before_end_seconds = 400,
                "payments.cancel_before_end_seconds = 400",
                "5 to 300",
            ),
            (
                |it| it.extend_seconds = 1,
                "payments.extend_seconds = 1",
                "10 to 3600",
            ),
            (
                |it| it.extend_max_seconds = 90_000,
                "payments.extend_max_seconds = 90000",
                "0 to 43200",
            ),
            (
                |it| it.poll_seconds = 0,
                "payments.poll_seconds = 0",
                "5 to 3600",
            ),
            (
                |it| it.backoff_min_ms = 1,
                "payments.backoff_min_ms = 1",
                "50 to 60000",
            ),
            (
                |it| it.backoff_max_ms = 100,
                "payments.backoff_max_ms = 100",
                "500 to 600000",
            ),
            (|it| it.tries_max = 0, "payments.tries_max = 0", "1 to 20"),
            (
                |it| it.capture_grace_seconds = 1,
                "payments.capture_grace_seconds = 1",
                "60 to 604800",
            ),
        ];
        for (change, expected, right) in wrong {
            let mut config = stripe();
            change(&mut config);
            let said = said(&config);
            assert_eq!(said.len(), 1, "{expected}: {said:?}");
            assert!(said[0].starts_with(expected), "{said:?}");
            assert!(said[0].contains(right), "{said:?}");
            assert!(!said[0].contains("word@"), "{said:?}");
        }
    }
}
