//! Table `accounts.providers.NAME`.

use std::path::PathBuf;

use onsale_settings::{ConfigProblem, NamedFile, Secret, secret_text};
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Longest name of a provider, in bytes; the database checks it too.
pub const PROVIDER_NAME_MAX_BYTES: usize = 40;
/// Providers of one installation.
pub(crate) const PROVIDERS_MAX: usize = 16;
/// Longest text among the settings of a provider, in bytes.
const TEXT_MAX_BYTES: usize = 500;
/// Scopes, and hosts beside the issuer's.
const LIST_MAX: usize = 20;

/// Someone with whom people have an account by which they sign in here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// What is known of a provider, so that only id and secret have to be set.
    pub preset: Option<Preset>,
    /// What people read. Unset: the preset's, or the name.
    pub title: Option<String>,
    /// The issuer, exactly as its tokens name it; the rest is discovered from there.
    pub issuer: Option<String>,
    /// As what this installation is registered there.
    pub client_id: String,
    /// The secret of that registration; without one it is a public client.
    pub client_secret: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for. Empty: the preset's, or `openid email profile`.
    pub scopes: Vec<String>,
    /// Hosts beside the issuer's on which its endpoints may be.
    pub endpoint_hosts: Vec<String>,
    /// Instead of `issuer`, for OAuth2 without OpenID Connect: where people are sent to.
    pub authorization_url: Option<String>,
    /// As `authorization_url`: where the code is exchanged.
    pub token_url: Option<String>,
    /// As `authorization_url`: who it is, as JSON with `id`, and `email` and `name` where known.
    pub user_url: Option<String>,
}

/// A provider whose addresses are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Google, by OpenID Connect.
    Google,
    /// Facebook, by OAuth2: its addresses of e-mail count as not verified.
    Facebook,
}

/// What a provider is reached by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// OpenID Connect, discovered from the issuer.
    OpenId {
        /// As tokens name it.
        issuer: String,
    },
    /// OAuth2 alone.
    OAuth2 {
        authorization: Url,
        token: Url,
        user: Url,
    },
}

impl ProviderConfig {
    /// With what the preset says where nothing is set.
    pub(crate) fn completed(&self) -> Self {
        let mut all = self.clone();
        let or = |set: &mut Option<String>, known: &str| {
            set.get_or_insert_with(|| known.to_owned());
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self.preset {
            Some(Preset::Google) => {
                or(&mut all.title, "Google");
                or(&mut all.issuer, "https://accounts.google.com");
                if all.endpoint_hosts.is_empty() {
                    all.endpoint_hosts = words(&["oauth2.googleapis.com", "www.googleapis.com"]);
                }
            }
            Some(Preset::Facebook) => {
                or(&mut all.title, "Facebook");
                or(
                    &mut all.authorization_url,
                    "https://www.facebook.com/v23.0/dialog/oauth",
                );
                or(
                    &mut all.token_url,
                    "https://graph.facebook.com/v23.0/oauth/access_token",
                );
                or(
                    &mut all.user_url,
                    "https://graph.facebook.com/v23.0/me?fields=id,name,email",
                );
                if all.scopes.is_empty() {
                    all.scopes = words(&["email", "public_profile"]);
                }
            }
            None => {}
        }
        if all.scopes.is_empty() {
            all.scopes = words(&["openid", "email", "profile"]);
        }
        all
    }

    /// The file that the settings of the provider `name` name.
    pub(crate) fn file(&self, name: &str) -> Option<NamedFile> {
        let path = self.client_secret_file.as_ref()?;
        let key = format!("accounts.providers.{name}.client_secret_file");
        let expected = "the secret that the provider gave this installation";
        Some(NamedFile::secret(
            key,
            path,
            expected,
            |bytes| match is_secret(secret_text(bytes)?) {
                true => Ok(()),
                false => Err("it holds what no provider gives out".to_owned()),
            },
        ))
    }

    /// How the provider is spoken to; `None` where the settings do not say it.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        let url = |text: &Option<String>| text.as_deref().and_then(provider_url);
        match (
            &self.issuer,
            url(&self.authorization_url),
            url(&self.token_url),
            url(&self.user_url),
        ) {
            (Some(issuer), None, None, None) => Some(Protocol::OpenId {
                issuer: issuer.clone(),
            }),
            (None, Some(authorization), Some(token), Some(user)) => Some(Protocol::OAuth2 {
                authorization,
                token,
                user,
            }),
            _ => None,
        }
    }

    /// Adds every setting of the provider `name` that cannot be used.
    pub(crate) fn check(&self, name: &str, problems: &mut Vec<ConfigProblem>) {
        let key = |field: &str| format!("accounts.providers.{name}.{field}");
        let is_name = (1..=PROVIDER_NAME_MAX_BYTES).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            problems.push(ConfigProblem::new(
                "accounts.providers",
                format!("{name:?}"),
                format!(
                    "a name of 1 to {PROVIDER_NAME_MAX_BYTES} small letters, digits and hyphens"
                ),
            ));
        }
        let all = self.completed();
        if !is_word(&all.client_id) {
            problems.push(ConfigProblem::new(
                key("client_id"),
                format!("{:?}", all.client_id),
                "the id that the provider gave this installation",
            ));
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            problems.push(ConfigProblem::new(
                key("client_secret"),
                "client_secret and client_secret_file",
                "one of the two",
            ));
        }
        if self
            .client_secret
            .as_ref()
            .is_some_and(|secret| !is_secret(secret.expose()))
        {
            problems.push(ConfigProblem::new(
                key("client_secret"),
                "(hidden)",
                "the secret that the provider gave this installation",
            ));
        }
        for (field, url) in [
            ("issuer", &all.issuer),
            ("authorization_url", &all.authorization_url),
            ("token_url", &all.token_url),
            ("user_url", &all.user_url),
        ] {
            if let Some(url) = url
                && provider_url(url).is_none()
            {
                problems.push(ConfigProblem::new(
                    key(field),
                    format!("{url:?}"),
                    "an address as https://id.example.com, or http:// on this machine",
                ));
            }
        }
        if let Some(issuer) = &all.issuer
            && issuer.contains(['?', '#'])
        {
            problems.push(ConfigProblem::new(
                key("issuer"),
                format!("{issuer:?}"),
                "an issuer without ? and #",
            ));
        }
        if all.protocol().is_none() {
            problems.push(ConfigProblem::new(
                format!("accounts.providers.{name}"),
                "its addresses",
                "issuer alone for OpenID Connect; authorization_url, token_url and user_url for OAuth2",
            ));
        }
        for (field, list) in [
            ("scopes", &all.scopes),
            ("endpoint_hosts", &all.endpoint_hosts),
        ] {
            if list.len() > LIST_MAX || !list.iter().all(|word| is_word(word)) {
                problems.push(ConfigProblem::new(
                    key(field),
                    format!("{list:?}"),
                    format!("at most {LIST_MAX} words without spaces"),
                ));
            }
        }
    }
}

/// What RFC 6749 lets a provider give out, blanks within included.
fn is_secret(text: &str) -> bool {
    (1..=TEXT_MAX_BYTES).contains(&text.len())
        && text.trim() == text
        && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

fn is_word(text: &str) -> bool {
    (1..=TEXT_MAX_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// An address of a provider: by TLS, or on this machine.
pub(crate) fn provider_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (text.len() <= TEXT_MAX_BYTES && is_bare && is_protected(&url)).then_some(url)
}

/// Whether nobody on the way reads along.
pub(crate) fn is_protected(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(name: &str, config: &ProviderConfig) -> Vec<String> {
        let mut problems = Vec::new();
        config.check(name, &mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    fn google() -> ProviderConfig {
        ProviderConfig {
            preset: Some(Preset::Google),
            client_id: "id".to_owned(),
            client_secret: Some(Secret::new("s")),
            ..ProviderConfig::default()
        }
    }

    #[test]
    fn a_preset_needs_an_id_and_a_secret_alone() {
        assert_eq!(problems("google", &google()), Vec::<String>::new());
        let facebook = ProviderConfig {
            preset: Some(Preset::Facebook),
            ..google()
        };
        assert_eq!(problems("facebook", &facebook), Vec::<String>::new());
        let protocol = facebook.completed().protocol();
        assert!(matches!(protocol, Some(Protocol::OAuth2 { .. })));
    }

    #[test]
    fn wrong_values_are_named() {
        let own = |issuer: &str| ProviderConfig {
            preset: None,
            issuer: Some(issuer.to_owned()),
            ..google()
        };
        for (name, config, key) in [
            ("Google", google(), "accounts.providers"),
            (
                "a",
                ProviderConfig {
                    client_id: String::new(),
                    ..google()
                },
                "accounts.providers.a.client_id",
            ),
            (
                "a",
                ProviderConfig {
                    client_secret_file: Some("secret".into()),
                    ..google()
                },
                "accounts.providers.a.client_secret",
            ),
            ("a", own("http://id.example"), "accounts.providers.a.issuer"),
            (
                "a",
                own("https://id.example/?x"),
                "accounts.providers.a.issuer",
            ),
            (
                "a",
                ProviderConfig {
                    preset: None,
                    ..google()
                },
                "accounts.providers.a",
            ),
            (
                "a",
                ProviderConfig {
                    token_url: Some("https://id.example/token".to_owned()),
                    ..google()
                },
                "accounts.providers.a",
            ),
            (
                "a",
                ProviderConfig {
                    scopes: vec!["open id".to_owned()],
                    ..google()
                },
                "accounts.providers.a.scopes",
            ),
        ] {
            assert_eq!(problems(name, &config), [key], "{config:?}");
        }
        for right in ["http://127.0.0.1:15191/onsale", "http://localhost:1/x"] {
            assert_eq!(problems("a", &own(right)), Vec::<String>::new(), "{right}");
        }
    }
}
