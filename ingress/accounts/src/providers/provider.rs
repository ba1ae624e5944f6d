//! One provider: where people are sent to, and what the code says that they come back with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use onsale_private::Private;
use onsale_settings::Secret;
use reqwest::Url;
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::Subject;
use super::client::Client;
use super::config::{Preset, Protocol, ProviderConfig};
use super::discovery::{Discovery, Endpoints};
use super::error::ProviderError;
use super::id_token::{self, Expected};
use super::journey::Journey;
use super::keys::Keys;

/// Sign-ins that ask one provider at once; each holds a connection and at most one document.
const ASKING_MAX: usize = 64;
/// Longest token that is taken on, in bytes.
const TOKEN_MAX_BYTES: usize = 16_384;
/// Longest id of a person, in bytes.
const ID_MAX_BYTES: usize = 255;

/// See the module.
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) title: String,
    preset: Option<Preset>,
    protocol: Protocol,
    client_id: String,
    client_secret: Option<Secret>,
    scopes: String,
    endpoint_hosts: Vec<String>,
    discovery: Discovery,
    keys: Keys,
    /// Turns of those who ask it.
    pub(super) turns: Semaphore,
}

/// What the exchange of a code gives.
#[derive(Deserialize)]
struct Tokens {
    id_token: Option<Private>,
    access_token: Option<Private>,
}

/// A person as a provider of OAuth2 alone tells it.
#[derive(Deserialize)]
struct UserInfo {
    id: Private,
    email: Option<Private>,
    name: Option<Private>,
}

impl Provider {
    /// `None` where the settings do not say how it is spoken to.
    pub(super) fn new(
        name: &str,
        config: &ProviderConfig,
        client_secret: Option<Secret>,
    ) -> Option<Self> {
        let config = config.completed();
        Some(Self {
            protocol: config.protocol()?,
            title: config.title.unwrap_or_else(|| name.to_owned()),
            name: name.to_owned(),
            preset: config.preset,
            client_id: config.client_id,
            client_secret,
            scopes: config.scopes.join(" "),
            endpoint_hosts: config.endpoint_hosts,
            discovery: Discovery::default(),
            keys: Keys::default(),
            turns: Semaphore::new(ASKING_MAX),
        })
    }

    /// Whose subjects these are: a subject of another issuer is another person.
    pub(crate) fn authority(&self) -> String {
        match &self.protocol {
            Protocol::OpenId { issuer } => issuer.clone(),
            Protocol::OAuth2 { user, .. } => user.origin().ascii_serialization(),
        }
    }

    /// Whether the address that it says to be verified is surely the person's own, so that it opens an
    /// account here that was there before. Google says of addresses which it does not host that they were
    /// verified once.
    pub(crate) fn vouches_for(&self, subject: &Subject) -> bool {
        let is_authoritative = match self.preset {
            Some(Preset::Google) => {
                let email = subject.email.as_ref();
                let is_gmail = email.is_some_and(|email| {
                    email.expose().to_ascii_lowercase().ends_with("@gmail.com")
                });
                is_gmail || subject.is_of_organization
            }
            Some(Preset::Facebook) => false,
            None => true,
        };
        subject.email_verified && is_authoritative
    }

    /// Whether its issuer says of itself what it should; `None` where it has none, as with OAuth2 alone.
    pub(super) async fn try_issuer(
        &self,
        client: &Client,
        now_ms: u64,
    ) -> Option<Result<(), ProviderError>> {
        match self.protocol {
            Protocol::OpenId { .. } => Some(self.endpoints(client, now_ms).await.map(drop)),
            Protocol::OAuth2 { .. } => None,
        }
    }

    /// Where the browser is sent to.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn authorization(
        &self,
        client: &Client,
        journey: &Journey,
        redirect: &str,
        now_ms: u64,
    ) -> Result<Url, ProviderError> {
        let mut url = match &self.protocol {
            Protocol::OpenId { .. } => self.endpoints(client, now_ms).await?.authorization,
            Protocol::OAuth2 { authorization, .. } => authorization.clone(),
        };
        let nonce = journey.nonce();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.client_id)
                .append_pair("redirect_uri", redirect)
                .append_pair("scope", &self.scopes)
                .append_pair("state", &journey.state())
                .append_pair("code_challenge", &journey.challenge())
                .append_pair("code_challenge_method", "S256");
            if matches!(self.protocol, Protocol::OpenId { .. }) {
                query.append_pair("nonce", &nonce);
            }
        }
        Ok(url)
    }

    /// Who came back with `code`. `named` is the issuer that the return names (RFC 9207).
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn subject(
        &self,
        client: &Client,
        journey: &Journey,
        code: &Private,
        named: Option<&str>,
        redirect: &str,
        now_ms: u64,
    ) -> Result<Subject, ProviderError> {
        match &self.protocol {
            Protocol::OpenId { issuer } => {
                let endpoints = self.endpoints(client, now_ms).await?;
                check_issuer(issuer, named, endpoints.names_itself)?;
                let in_form = endpoints.takes_secret_in_form;
                let tokens = self
                    .exchange(client, &endpoints.token, journey, code, redirect, in_form)
                    .await?;
                let token = tokens
                    .id_token
                    .ok_or(ProviderError::Answer("there is no id_token"))?;
                let head = id_token::head(&token)?;
                let key = self
                    .keys
                    .key(
                        client,
                        &endpoints.keys,
                        head.kid.as_deref(),
                        head.alg,
                        now_ms,
                    )
                    .await?;
                let expected = Expected {
                    issuer,
                    client_id: &self.client_id,
                    nonce: &journey.nonce(),
                    now_ms,
                };
                id_token::read(&token, &head, &key, expected)
            }
            Protocol::OAuth2 { token, user, .. } => {
                let tokens = self
                    .exchange(client, token, journey, code, redirect, true)
                    .await?;
                let access = tokens
                    .access_token
                    .filter(is_token)
                    .ok_or(ProviderError::Answer("there is no access_token"))?;
                let user = self.with_proof(user, &access);
                user_info(&client.get(&user, Some(&access)).await?)
            }
        }
    }

    async fn endpoints(&self, client: &Client, now_ms: u64) -> Result<Endpoints, ProviderError> {
        let Protocol::OpenId { issuer } = &self.protocol else {
            return Err(ProviderError::Answer("it has no discovery document"));
        };
        self.discovery
            .endpoints(client, issuer, &self.endpoint_hosts, now_ms)
            .await
    }

    async fn exchange(
        &self,
        client: &Client,
        token: &Url,
        journey: &Journey,
        code: &Private,
        redirect: &str,
        secret_in_form: bool,
    ) -> Result<Tokens, ProviderError> {
        let verifier = journey.verifier();
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect),
            ("code_verifier", verifier.expose()),
        ];
        let mut authorization = None;
        match &self.client_secret {
            Some(secret) if !secret_in_form => {
                authorization = Some(basic(&self.client_id, secret));
            }
            secret => {
                pairs.push(("client_id", &self.client_id));
                pairs.extend(
                    secret
                        .iter()
                        .map(|secret| ("client_secret", secret.expose())),
                );
            }
        }
        let bytes = client.post(token, form(&pairs), authorization).await?;
        serde_json::from_slice(&bytes)
            .map_err(|_| ProviderError::Answer("what it gives for a code is no JSON of tokens"))
    }

    /// With the proof that Facebook asks for, by which a stolen access token is of no use.
    fn with_proof(&self, user: &Url, access: &Private) -> Url {
        let mut user = user.clone();
        if self.preset == Some(Preset::Facebook)
            && let Some(secret) = &self.client_secret
            && let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        {
            mac.update(access.expose().as_bytes());
            let proof: String = mac
                .finalize()
                .into_bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            user.query_pairs_mut()
                .append_pair("appsecret_proof", &proof);
        }
        user
    }
}

/// Whether the return is from the provider that the browser was sent to, and not from another one that it
/// was led to meanwhile.
fn check_issuer(
    issuer: &str,
    named: Option<&str>,
    names_itself: bool,
) -> Result<(), ProviderError> {
    match named {
        Some(named) if named == issuer => Ok(()),
        Some(_) => Err(ProviderError::Answer("the return is from another issuer")),
        None if names_itself => Err(ProviderError::Answer("the return does not name the issuer")),
        None => Ok(()),
    }
}

fn user_info(bytes: &[u8]) -> Result<Subject, ProviderError> {
    let info: UserInfo = serde_json::from_slice(bytes)
        .map_err(|_| ProviderError::Answer("what it says of the person is no JSON with an id"))?;
    if !(1..=ID_MAX_BYTES).contains(&info.id.expose().len()) {
        return Err(ProviderError::Answer("the id of the person is none"));
    }
    Ok(Subject {
        id: info.id,
        email: info.email,
        // Nothing vouches for it.
        email_verified: false,
        name: info.name,
        is_of_organization: false,
    })
}

fn is_token(token: &Private) -> bool {
    let text = token.expose();
    (1..=TOKEN_MAX_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// RFC 6749, 2.3.1: both parts encoded as in a form.
fn basic(id: &str, secret: &Secret) -> Private {
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
    Private::new(format!("Basic {}", STANDARD.encode(pair)))
}

fn form(pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// As a form holds it.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(email: &str, email_verified: bool, is_of_organization: bool) -> Subject {
        Subject {
            id: Private::new("1"),
            email: Some(Private::new(email)),
            email_verified,
            name: None,
            is_of_organization,
        }
    }

    fn provider(preset: Option<Preset>) -> Provider {
        let config = ProviderConfig {
            preset,
            issuer: preset.is_none().then(|| "https://id.example".to_owned()),
            client_id: "id".to_owned(),
            ..ProviderConfig::default()
        };
        Provider::new("x", &config, None).unwrap()
    }

    #[test]
    fn a_provider_vouches_for_what_it_knows_to_be_the_persons_own() {
        let google = provider(Some(Preset::Google));
        assert!(google.vouches_for(&subject("a@Gmail.com", true, false)));
        assert!(google.vouches_for(&subject("a@example.test", true, true)));
        assert!(!google.vouches_for(&subject("a@example.test", true, false)));
        assert!(!google.vouches_for(&subject("a@gmail.com", false, true)));
        assert!(!google.vouches_for(&subject("a@gmail.com.evil.test", true, false)));
        let facebook = provider(Some(Preset::Facebook));
        assert!(!facebook.vouches_for(&subject("a@gmail.com", true, true)));
        let own = provider(None);
        assert!(own.vouches_for(&subject("a@example.test", true, false)));
        assert!(!own.vouches_for(&subject("a@example.test", false, false)));
    }

    #[test]
    fn a_return_from_another_issuer_is_refused() {
        const ISSUER: &str = "https://id.example";
        assert!(check_issuer(ISSUER, None, false).is_ok());
        assert!(check_issuer(ISSUER, Some(ISSUER), true).is_ok());
        assert!(check_issuer(ISSUER, Some(ISSUER), false).is_ok());
        assert!(check_issuer(ISSUER, None, true).is_err());
        for named in ["", "https://id.example/", "https://evil.example"] {
            assert!(check_issuer(ISSUER, Some(named), false).is_err(), "{named}");
        }
    }

    #[test]
    fn secrets_and_codes_are_encoded() {
        assert_eq!(
            form(&[("a", "b c"), ("d", "&=+é")]),
            "a=b%20c&d=%26%3D%2B%C3%A9"
        );
        let basic = basic("a:b", &Secret::new("c/d"));
        assert_eq!(
            basic.expose(),
            format!("Basic {}", STANDARD.encode("a%3Ab:c%2Fd"))
        );
    }
}
