//! Refresh tokens.
//!
//! A refresh token is opaque: three random parts behind a prefix by which leaked ones are found.
//!
//! | Part | Bytes | What for |
//! |---|---|---|
//! | session | 16 | finds the row |
//! | family | 16 | the same in every token of a session. Who shows it with a secret that is not good any more has had a token of this session, and did not just guess |
//! | secret | 24 | another one in each token |
//!
//! Family and secret are kept as hashes only. The secret of a successor is computed, not drawn: from the
//! secret before it, a random salt that is kept for as long as that is good, and a key of the server.
//! So a token that was just used gives the very same successor again to a second tab, or to a client
//! whose answer got lost, and nothing that could be stolen from the database is kept for it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_store::account::{SuccessorSalt, TokenHash};
use uuid::Uuid;

/// What every refresh token begins with.
const PREFIX: &str = "osr_";
const SESSION_BYTES: usize = 16;
const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 24;
const TOKEN_BYTES: usize = SESSION_BYTES + FAMILY_BYTES + SECRET_BYTES;
/// What hashes of the two parts are derived for.
const FAMILY_PURPOSE: &str = "onsale 2026 family of refresh tokens";
const SECRET_PURPOSE: &str = "onsale 2026 secret of a refresh token";

/// A refresh token. `Debug` shows its session alone.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    session: Uuid,
    family: [u8; FAMILY_BYTES],
    secret: [u8; SECRET_BYTES],
}

/// What makes tokens follow one another.
#[derive(Clone)]
pub struct FamilyTokens {
    key: [u8; 32],
    /// While the server's key is changed, other nodes go by one of these.
    others: Vec<[u8; 32]>,
}

impl RefreshToken {
    /// The first of a session.
    pub fn first(session: Uuid) -> Self {
        Self {
            session,
            family: rand::random(),
            secret: rand::random(),
        }
    }

    /// Reads one; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(PREFIX)?;
        let bytes: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (session, rest) = bytes.split_first_chunk::<SESSION_BYTES>()?;
        let (family, secret) = rest.split_first_chunk::<FAMILY_BYTES>()?;
        Some(Self {
            session: Uuid::from_bytes(*session),
            family: *family,
            secret: secret.try_into().ok()?,
        })
    }

    /// As the client keeps it.
    pub fn expose(&self) -> String {
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.extend_from_slice(self.session.as_bytes());
        bytes.extend_from_slice(&self.family);
        bytes.extend_from_slice(&self.secret);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The session that it names.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// The hash of what it has in common with the other tokens of its session.
    pub fn family_hash(&self) -> TokenHash {
        blake3::derive_key(FAMILY_PURPOSE, &self.family)
    }

    /// The hash of its secret.
    pub fn token_hash(&self) -> TokenHash {
        blake3::derive_key(SECRET_PURPOSE, &self.secret)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, hidden)", self.session)
    }
}

impl FamilyTokens {
    /// With a key of the server for new tokens, and others that other nodes may go by.
    pub fn new(key: [u8; 32], others: Vec<[u8; 32]>) -> Self {
        Self { key, others }
    }

    /// The token that follows on this one with this salt, always the same.
    pub fn successor(&self, of: &RefreshToken, salt: &SuccessorSalt) -> RefreshToken {
        successor(&self.key, of, salt)
    }

    /// The token with this hash that follows on this one with this salt, by whichever of the keys; `None`
    /// where it is by none.
    pub fn successor_of_hash(
        &self,
        of: &RefreshToken,
        salt: &SuccessorSalt,
        hash: &TokenHash,
    ) -> Option<RefreshToken> {
        std::iter::once(&self.key)
            .chain(&self.others)
            .map(|key| successor(key, of, salt))
            .find(|next| next.token_hash() == *hash)
    }
}

fn successor(key: &[u8; 32], of: &RefreshToken, salt: &SuccessorSalt) -> RefreshToken {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(of.session.as_bytes());
    hasher.update(salt);
    hasher.update(&of.secret);
    let mut secret = [0; SECRET_BYTES];
    hasher.finalize_xof().fill(&mut secret);
    RefreshToken {
        session: of.session,
        family: of.family,
        secret,
    }
}

impl fmt::Debug for FamilyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamilyTokens(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(5);

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = RefreshToken::first(SESSION);
        let text = token.expose();
        assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
        assert_ne!(RefreshToken::first(SESSION), token);
        for wrong in [
            "",
            "osr_",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}A"),
        ] {
            assert_eq!(RefreshToken::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(&text[30..40]));
    }

    #[test]
    fn a_successor_is_the_same_each_time_and_differs_with_everything_it_is_made_of() {
        let tokens = FamilyTokens::new([1; 32], Vec::new());
        let token = RefreshToken::first(SESSION);
        let next = tokens.successor(&token, &[2; 16]);
        assert_eq!(next, tokens.successor(&token, &[2; 16]));
        assert_eq!(next.family_hash(), token.family_hash());
        assert_ne!(next.token_hash(), token.token_hash());
        assert_ne!(next, tokens.successor(&token, &[3; 16]));
        let others = FamilyTokens::new([4; 32], vec![[1; 32]]);
        assert_ne!(next, others.successor(&token, &[2; 16]));
        let hash = next.token_hash();
        let found = others.successor_of_hash(&token, &[2; 16], &hash);
        assert_eq!(found.as_ref(), Some(&next));
        let alone = FamilyTokens::new([4; 32], Vec::new());
        assert_eq!(alone.successor_of_hash(&token, &[2; 16], &hash), None);
        assert_ne!(
            next.token_hash(),
            tokens.successor(&next, &[2; 16]).token_hash()
        );
    }
}
