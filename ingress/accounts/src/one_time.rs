//! Tokens that are sent to an address and are good once.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_store::account::TokenHash;

/// What every one-time token begins with.
const PREFIX: &str = "ost_";
const TOKEN_BYTES: usize = 32;
const PURPOSE: &str = "onsale 2026 one-time token";

/// A one-time token. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeSecret([u8; TOKEN_BYTES]);

impl OneTimeSecret {
    /// A new one, at random.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads one; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it is sent.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// As it is kept.
    pub fn hash(&self) -> TokenHash {
        blake3::derive_key(PURPOSE, &self.0)
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = OneTimeSecret::random();
        let text = token.expose();
        let read = OneTimeSecret::parse(&text).unwrap();
        assert_eq!((read.hash(), &read), (token.hash(), &token));
        assert_ne!(OneTimeSecret::random().hash(), token.hash());
        for wrong in ["", "ost_", &text[1..], &text[..20], "ost_!"] {
            assert!(OneTimeSecret::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{token:?}").contains(&text[10..20]));
    }
}
