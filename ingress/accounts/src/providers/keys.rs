//! The public keys of a provider; a token that names another than those that are kept has them fetched again,
//! at most once a minute.

use std::sync::Arc;

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::error::ProviderError;
use super::id_token::ALGORITHMS;
use super::kept::Kept;

/// How long after they were fetched an unknown key has them fetched again, in milliseconds.
const PAUSE_MS: u64 = 60_000;
/// Keys of one provider; further ones are not looked at.
const KEYS_MAX: usize = 64;

/// One that signs tokens.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, where it says one.
    algorithm: Option<String>,
    decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// What is kept of one provider.
#[derive(Default)]
pub(super) struct Keys {
    kept: Kept<Arc<[Key]>>,
}

impl Keys {
    /// The key that a token names, for its algorithm. The address is the configured provider's, never one
    /// of a token.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn key(
        &self,
        client: &Client,
        place: &Url,
        id: Option<&str>,
        algorithm: Algorithm,
        now_ms: u64,
    ) -> Result<DecodingKey, ProviderError> {
        let keys = self.kept.get(now_ms, fetch(client, place)).await?;
        if let Some(key) = find(&keys, id, algorithm) {
            return Ok(key);
        }
        let renewed = self.kept.renew(PAUSE_MS, now_ms, fetch(client, place));
        let keys = renewed.await?;
        let unknown = ProviderError::Token("no key of the provider has signed it");
        find(&keys, id, algorithm).ok_or(unknown)
    }
}

/// A token that names no key is by the only one there is for its algorithm.
fn find(keys: &[Key], id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let name = format!("{algorithm:?}");
    let mut fitting = keys.iter().filter(|key| {
        key.decoding.family() == algorithm.family()
            && key.algorithm.as_ref().is_none_or(|only| *only == name)
            && (id.is_none() || key.id.as_deref() == id)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then(|| first.decoding.clone())
}

async fn fetch(client: &Client, place: &Url) -> Result<Arc<[Key]>, ProviderError> {
    let keys = read(&client.get(place, None).await?)?;
    Ok(keys.into())
}

fn read(bytes: &[u8]) -> Result<Vec<Key>, ProviderError> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|_| ProviderError::Answer("its set of keys is none"))?;
    Ok(document
        .keys
        .into_iter()
        .take(KEYS_MAX)
        .filter_map(key)
        .collect())
}

/// A key that signs by one of the algorithms that are taken; others are left out.
fn key(value: Value) -> Option<Key> {
    let key: Jwk = serde_json::from_value(value).ok()?;
    if matches!(&key.common.public_key_use, Some(purpose) if *purpose != PublicKeyUse::Signature) {
        return None;
    }
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    // A secret has no place in a public document.
    let is_taken = ALGORITHMS
        .iter()
        .any(|algorithm| algorithm.family() == decoding.family());
    is_taken.then(|| Key {
        id: key.common.key_id,
        algorithm: key
            .common
            .key_algorithm
            .map(|algorithm| format!("{algorithm:?}")),
        decoding,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_a_key_for_encryption_and_what_is_no_key_are_left_out() {
        let n = "onZcB1ryWS1keTIcbgsLKJ1UBwL1Wbzse5P2HjkrNwbG3Jy2lefUEcTVJxN8bpLeW460Luz3ScZd3d9p8IoHjmhZ2cyO49E41aBRIlBRzWNpebK5xeC95rSKenYHpOPlLzPgybg2qxallzQUOcKCheiF0fsErlapaA9YmKwzP3DwvzYW4JqSrHhDGWPwUCcsR4dpetwKXP_9tRFso06ryr4um3qiq7giyZEyZVG3fHMplD-5e-2-RrzBiGFW_zvs-XVRGPIf9Y5YNjeQJRuS4vF82V8mNZxEZddtUY5plSz-vgX3GSvANLDH-LZJ76Zmx3a8dEZbI7VxgsBQAqcUlQ";
        let rsa = |id: &str, purpose: &str, algorithm: &str| json!({ "kty": "RSA", "kid": id, "use": purpose, "alg": algorithm, "e": "AQAB", "n": n });
        let document = json!({ "keys": [
            { "kty": "oct", "kid": "secret", "k": "c2VjcmV0" },
            rsa("encrypts", "enc", "RSA-OAEP"),
            { "kty": "from the future", "kid": "x" },
            7,
            rsa("signs", "sig", "RS256"),
        ] });
        let keys = read(&document.to_string().into_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        assert!(find(&keys, Some("signs"), Algorithm::RS256).is_some());
        assert!(find(&keys, None, Algorithm::RS256).is_some());
        assert!(find(&keys, Some("other"), Algorithm::RS256).is_none());
        assert!(find(&keys, Some("signs"), Algorithm::PS256).is_none());
        assert!(find(&keys, Some("signs"), Algorithm::ES256).is_none());
        assert!(read(b"[]").is_err());
    }
}
