//! Secrets that are drawn at random (or follow from an idempotency key and a secret of the installation), shown
//! once and kept as a hash only. What they are for stands in
//! their type: one of another kind does not pass for it, neither by its text nor by its hash.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_store::account::TokenHash;

const SECRET_BYTES: usize = 32;

/// What a secret is for.
pub trait SecretKind {
    /// What every one begins with, by which leaked ones are found.
    const PREFIX: &'static str;
    /// What its hash is derived for.
    const PURPOSE: &'static str;
}

/// A secret. `Debug` shows its kind alone.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueSecret<K> {
    bytes: [u8; SECRET_BYTES],
    kind: PhantomData<K>,
}

/// Keys of programs that act for a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApiKey {}

/// Tokens that are sent to an address and are good once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OneTime {}

/// A key of a program.
pub type ApiKeySecret = OpaqueSecret<ApiKey>;
/// A one-time token.
pub type OneTimeSecret = OpaqueSecret<OneTime>;

impl SecretKind for ApiKey {
    const PREFIX: &'static str = "osk_live_";
    const PURPOSE: &'static str = "onsale 2026 API key";
}

impl SecretKind for OneTime {
    const PREFIX: &'static str = "ost_";
    const PURPOSE: &'static str = "onsale 2026 one-time token";
}

impl<K: SecretKind> OpaqueSecret<K> {
    /// A new one, at random.
    pub fn random() -> Self {
        Self::of(rand::random())
    }

    /// One that follows from something that only this installation knows.
    pub(crate) fn of(bytes: [u8; SECRET_BYTES]) -> Self {
        Self {
            bytes,
            kind: PhantomData,
        }
    }

    /// Whether a text is meant to be one.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(K::PREFIX)
    }

    /// Reads one; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(K::PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self::of)
    }

    /// As it is shown once.
    pub fn expose(&self) -> String {
        format!("{}{}", K::PREFIX, URL_SAFE_NO_PAD.encode(self.bytes))
    }

    /// As it is kept.
    pub fn hash(&self) -> TokenHash {
        blake3::derive_key(K::PURPOSE, &self.bytes)
    }
}

impl<K: SecretKind> fmt::Debug for OpaqueSecret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(hidden)", K::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read_as_it_was_written<K: SecretKind + PartialEq>() {
        let secret = OpaqueSecret::<K>::random();
        let text = secret.expose();
        assert!(OpaqueSecret::<K>::is_meant(&text));
        let read = OpaqueSecret::<K>::parse(&text).unwrap();
        assert!(read == secret && read.hash() == secret.hash());
        assert_ne!(OpaqueSecret::<K>::random().hash(), secret.hash());
        let prefix = K::PREFIX;
        let (cut, no_base64) = (&text[..text.len() - 10], format!("{prefix}!"));
        for wrong in ["", prefix, &text[1..], cut, &no_base64] {
            assert!(OpaqueSecret::<K>::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{secret:?}").contains(&text[12..22]));
    }

    #[test]
    fn a_secret_is_read_as_it_was_written() {
        is_read_as_it_was_written::<ApiKey>();
        is_read_as_it_was_written::<OneTime>();
    }

    #[test]
    fn a_secret_of_one_kind_is_none_of_another() {
        let bytes = [7; SECRET_BYTES];
        let (key, token) = (ApiKeySecret::of(bytes), OneTimeSecret::of(bytes));
        assert_ne!(key.hash(), token.hash());
        assert!(ApiKeySecret::parse(&token.expose()).is_none());
        assert!(OneTimeSecret::parse(&key.expose()).is_none());
    }

    #[test]
    fn secrets_that_were_given_out_stay_good() {
        let bytes = [7; SECRET_BYTES];
        assert_eq!(
            ApiKeySecret::of(bytes).expose(),
            "osk_live_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
        );
        assert_eq!(
            ApiKeySecret::of(bytes).hash(),
            blake3::derive_key("onsale 2026 API key", &bytes)
        );
        assert_eq!(
            OneTimeSecret::of(bytes).hash(),
            blake3::derive_key("onsale 2026 one-time token", &bytes)
        );
    }
}
