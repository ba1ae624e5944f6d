//! Sign-in with an account elsewhere, by OpenID Connect or OAuth2.
//!
//! A browser goes to the provider and comes back with a code, which is exchanged there for a token that says
//! who it is (code flow with PKCE). What holds the parts together is a [`Journey`](journey::Journey), sealed
//! in a cookie of the browser that began it:
//!
//! | Against | Stands |
//! |---|---|
//! | a code or return that someone else brings | `state`, the cookie, and the verifier of PKCE |
//! | a token of another sign-in | `nonce` |
//! | a return that is brought twice | a row by the hash of `state`, written before the code is exchanged |
//! | a provider in the middle of two | one address of return for each provider; `iss` of the return (RFC 9207) |
//! | a token for others, or by others | `iss`, `aud`, `azp`, `exp`, `iat`; public keys of the configured issuer alone |
//! | a provider that leads us elsewhere | no redirections; endpoints on configured hosts; nothing of a token is an address |
//! | one that is slow or never ends | limits of time, size, and of sign-ins with it at once; a failure is remembered, an old document is used meanwhile |
//!
//! Whose account it is, is decided in `flows/federated.rs`.

mod client;
pub(crate) mod config;
mod discovery;
mod error;
mod id_token;
pub(crate) mod journey;
mod kept;
mod keys;
mod provider;
mod return_to;

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use onsale_private::Private;
use onsale_settings::Secret;
use reqwest::Url;
use tokio::sync::SemaphorePermit;

use self::client::Client;
pub use self::config::{PROVIDER_NAME_MAX_BYTES, Preset, ProviderConfig};
pub use self::error::ProviderError;
use self::journey::Journey;
pub(crate) use self::provider::Provider;
pub use self::return_to::RETURN_TO_MAX_BYTES;
pub(crate) use self::return_to::return_to;
use crate::config::AccountsConfig;

/// What a provider says of a person.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Whom it means; the same for ever.
    pub(crate) id: Private,
    /// The address that it knows.
    pub(crate) email: Option<Private>,
    /// Whether it says that the address is verified.
    pub(crate) email_verified: bool,
    /// The name.
    pub(crate) name: Option<Private>,
    /// Google: whether an organization has the address.
    pub(crate) is_of_organization: bool,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(hidden)")
    }
}

/// A provider as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderInfo {
    /// Its name in addresses.
    pub name: String,
    /// What people read.
    pub title: String,
}

/// All providers of an installation.
pub(crate) struct Providers {
    by_name: BTreeMap<String, Provider>,
    /// `None` where there is no provider to ask.
    client: Option<Client>,
    public_url: String,
}

impl Providers {
    /// As configured.
    ///
    /// # Errors
    /// When the file of a secret cannot be read, or TLS not be set up.
    pub(crate) fn new(config: &AccountsConfig) -> io::Result<Self> {
        let mut by_name = BTreeMap::new();
        for (name, provider) in &config.providers {
            let secret = secret(name, provider)?;
            // What is missing was refused by the check of the configuration.
            if let Some(provider) = Provider::new(name, provider, secret) {
                by_name.insert(name.clone(), provider);
            }
        }
        let client = match by_name.is_empty() {
            true => None,
            false => Some(Client::new(config.provider_timeout())?),
        };
        Ok(Self {
            by_name,
            client,
            public_url: config.callbacks_url().trim_end_matches('/').to_owned(),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.by_name.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(crate) fn infos(&self) -> Vec<ProviderInfo> {
        let info = |provider: &Provider| ProviderInfo {
            name: provider.name.clone(),
            title: provider.title.clone(),
        };
        self.by_name.values().map(info).collect()
    }

    /// Where the browser is sent to.
    pub(crate) async fn authorization(
        &self,
        provider: &Provider,
        journey: &Journey,
        now_ms: u64,
    ) -> Result<Url, ProviderError> {
        let (client, _turn) = self.turn(provider)?;
        let redirect = self.redirect(provider);
        provider
            .authorization(client, journey, &redirect, now_ms)
            .await
    }

    /// Who came back with a code.
    pub(crate) async fn subject(
        &self,
        provider: &Provider,
        journey: &Journey,
        code: &Private,
        named: Option<&str>,
        now_ms: u64,
    ) -> Result<Subject, ProviderError> {
        let (client, _turn) = self.turn(provider)?;
        let redirect = self.redirect(provider);
        provider
            .subject(client, journey, code, named, &redirect, now_ms)
            .await
    }

    /// Where a provider sends the browser back to: as configured, whatever host a request names.
    fn redirect(&self, provider: &Provider) -> String {
        format!(
            "{}/api/v1/auth/oauth/{}/callback",
            self.public_url, provider.name
        )
    }

    /// A page of this installation, with what it learns in the fragment.
    pub(crate) fn page(&self, path: &str, fragment: &str) -> String {
        format!("{}{path}#{fragment}", self.public_url)
    }

    /// Each provider has turns of its own: one that does not answer holds up nobody who signs in with
    /// another.
    fn turn<'a>(
        &'a self,
        provider: &'a Provider,
    ) -> Result<(&'a Client, SemaphorePermit<'a>), ProviderError> {
        let turn = provider.turns.try_acquire();
        let turn = turn.map_err(|_| ProviderError::Busy)?;
        let client = self.client.as_ref().ok_or(ProviderError::Busy)?;
        Ok((client, turn))
    }
}

/// Asks each configured issuer of OpenID Connect for its discovery document, as the first sign-in does: by the
/// provider's name, what is wrong with it. Nobody signs in.
///
/// # Errors
/// When the file of a secret cannot be read, or TLS not be set up.
pub async fn try_issuers(
    config: &AccountsConfig,
    now_ms: u64,
) -> io::Result<Vec<(String, Result<(), ProviderError>)>> {
    let providers = Providers::new(config)?;
    let mut tried = Vec::new();
    if let Some(client) = &providers.client {
        for provider in providers.by_name.values() {
            if let Some(answer) = provider.try_issuer(client, now_ms).await {
                tried.push((provider.name.clone(), answer));
            }
        }
    }
    Ok(tried)
}

/// The secret of a registration, from the configuration or its file.
fn secret(name: &str, config: &ProviderConfig) -> io::Result<Option<Secret>> {
    let key = format!("accounts.providers.{name}.client_secret_file");
    let file = config.client_secret_file.as_deref();
    Secret::configured(config.client_secret.as_ref(), &key, file)
        .map_err(|error| io::Error::other(format!("{error}: {}", error.source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_asked_too_often_holds_up_no_other() {
        let mut config = AccountsConfig::default();
        for name in ["one", "other"] {
            let provider = ProviderConfig {
                issuer: Some("https://id.example.com".to_owned()),
                client_id: "id".to_owned(),
                ..ProviderConfig::default()
            };
            config.providers.insert(name.to_owned(), provider);
        }
        let providers = Providers::new(&config).unwrap();
        let one = providers.get("one").unwrap();
        let other = providers.get("other").unwrap();
        let turns: Vec<_> = std::iter::from_fn(|| providers.turn(one).ok()).collect();
        assert_eq!(turns.len(), 64);
        let busy = providers.turn(one).map(drop);
        assert!(matches!(busy, Err(ProviderError::Busy)), "{busy:?}");
        assert!(providers.turn(other).is_ok());
        drop(turns);
        assert!(providers.turn(one).is_ok());
    }
}
