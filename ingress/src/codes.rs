//! Discount and access codes: what a text that someone typed is called in the log, and how often it may
//! be guessed.
//!
//! The log and the database know a code by a keyed hash over tenant, show and code, so the same text at
//! another show is another code, and whoever has a copy of the log cannot try texts. The key follows
//! from the secret of bookings (`auth.booking_secret`), like the links to receipts: it is the same on
//! every node, and neither a lost database nor another key for what is private changes it. Texts
//! themselves are sealed with the key for what is private, where there is one, for the organizer's export.

mod guesses;
mod text;

use std::net::IpAddr;
use std::sync::Arc;

use onsale_auth::{AuthConfig, KeyError};
use onsale_private::{KeyRing, Private, Sealed};
use onsale_schemas::{CodeGroup, CodeHash, RequestId, ShowId, TenantId, UserId};
use onsale_store::code::CodeRow;
use onsale_store::sealed_columns;

pub(crate) use self::guesses::Guess;
use self::guesses::Guesses;
pub(crate) use self::text::{CODE_MAX_CHARS, TYPED_MAX_BYTES, normalised};
use crate::clock::Clock;
use crate::config::RateLimitConfig;
use crate::error::ApiError;

/// What keys are derived for. These never change, or no code is known any more.
const HASH_PURPOSE: &str = "onsale 2026 hash of a code of a show";
const TEXT_PURPOSE: &str = "onsale 2026 text of a generated code of a show";
/// What hashes with the second key are of.
const GROUP_TAG: &[u8] = b"group";
const TEXT_TAG: &[u8] = b"text";
/// Characters of generated codes, five bits each: capitals without I and O, digits without 0 and 1.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Fewest characters of a generated code behind its prefix: 60 bits.
pub(crate) const GENERATED_MIN_CHARS: usize = 12;
/// Most characters of a generated code behind its prefix.
pub(crate) const GENERATED_MAX_CHARS: usize = 32;
/// Characters that stand together; between them there is a hyphen, which nobody has to type.
const GROUPED_CHARS: usize = 4;

/// See the module.
pub(crate) struct Codes {
    hashes: [u8; blake3::KEY_LEN],
    texts: [u8; blake3::KEY_LEN],
    ring: Option<KeyRing>,
    guesses: Arc<Guesses>,
}

impl Codes {
    /// With the secret of bookings, and the keys for what is private where there are any. Whether guesses
    /// are limited, the settings of rate limits say.
    ///
    /// # Errors
    /// When the secret cannot be read or is too short, and when there is none.
    pub(crate) fn new(
        auth: &AuthConfig,
        ring: Option<KeyRing>,
        limits: &RateLimitConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let secret = auth.secret_of_bookings()?;
        let secret = secret.expose().as_bytes();
        Ok(Self {
            hashes: blake3::derive_key(HASH_PURPOSE, secret),
            texts: blake3::derive_key(TEXT_PURPOSE, secret),
            ring,
            guesses: Arc::new(Guesses::new(limits.enabled, clock)),
        })
    }

    /// What the log calls the code that someone typed, at this show.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with the field `code` where no code looks like that.
    pub(crate) fn hash(
        &self,
        tenant: TenantId,
        show: ShowId,
        typed: &str,
    ) -> Result<CodeHash, ApiError> {
        Ok(self.hash_of(tenant, show, &normalised(typed)?))
    }

    /// Of a text that is normalised.
    fn hash_of(&self, tenant: TenantId, show: ShowId, code: &str) -> CodeHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.hashes);
        hasher.update(tenant.as_bytes());
        hasher.update(show.as_bytes());
        hasher.update(code.as_bytes());
        let mut hash = [0_u8; 16];
        hasher.finalize_xof().fill(&mut hash);
        CodeHash::from_bytes(hash)
    }

    /// Counts a code that someone tries, or refuses whoever has tried too many wrong ones lately: an account, or all
    /// of a network.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(crate) fn admit(
        &self,
        client: impl Into<IpAddr>,
        user: Option<UserId>,
    ) -> Result<Guess, ApiError> {
        self.guesses.admit(client.into(), user)
    }

    /// As [`Codes::admit`] for a request that was decided before, and never refuses: the log gives its answer again.
    /// Until that is certain it counts, because a key that is not remembered any more makes a new guess.
    pub(crate) fn admit_again(&self, client: impl Into<IpAddr>, user: Option<UserId>) -> Guess {
        self.guesses.admit_again(client.into(), user)
    }

    /// The number of the group that a request begins: the same when it is repeated.
    pub(crate) fn group_of(&self, request: RequestId) -> CodeGroup {
        let mut hasher = blake3::Hasher::new_keyed(&self.texts);
        hasher.update(GROUP_TAG).update(request.as_bytes());
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        CodeGroup::from_be_bytes([a, b, c, d])
    }

    /// The code with this number that a request generates, of `chars` characters behind `prefix`. Nobody
    /// can guess it without the secret, and a request that is repeated generates the same.
    pub(crate) fn generated(
        &self,
        request: RequestId,
        number: u32,
        prefix: &str,
        chars: usize,
    ) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.texts);
        hasher.update(TEXT_TAG).update(request.as_bytes());
        hasher.update(&number.to_be_bytes());
        let mut random = vec![0_u8; chars];
        hasher.finalize_xof().fill(&mut random);
        let mut code = String::with_capacity(prefix.len() + 2 * chars);
        code.push_str(prefix);
        for (place, byte) in random.into_iter().enumerate() {
            if place % GROUPED_CHARS == 0 && !code.is_empty() {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::from(byte & 31)]));
        }
        code
    }

    /// The text of a code as it is kept; `None` where there is no key for what is private.
    pub(crate) fn seal(&self, code: CodeHash, text: &str) -> Option<Sealed> {
        let place = sealed_columns::code_text(code.0);
        let ring = self.ring.as_ref()?;
        Some(ring.seal(place, &Private::new(text)))
    }

    /// The text of a code; `None` where it was not kept, or does not open, which is told to the log.
    pub(crate) fn open(&self, row: &CodeRow) -> Option<String> {
        let (ring, sealed) = (self.ring.as_ref()?, row.sealed.as_ref()?);
        match ring.open(sealed_columns::code_text(row.code.0), sealed) {
            Ok(text) => Some(text.into_exposed()),
            Err(error) => {
                tracing::debug!(%error, "the text of a code is left out");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::*;
    use crate::clock::SystemClock;

    fn codes(secret: &str) -> Codes {
        let auth = AuthConfig {
            hs256_secret: Some(Secret::new(secret)),
            ..AuthConfig::default()
        };
        let key = Secret::new("a key for what is private, 32 bytes");
        let ring = KeyRing::new(&key, []).unwrap();
        let limits = RateLimitConfig::default();
        Codes::new(&auth, Some(ring), &limits, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn a_code_has_one_hash_for_each_tenant_and_show_and_installation() {
        let ours = codes("the secret of this installation, long");
        let (tenant, show) = (TenantId::from_bytes([1; 16]), ShowId::from_bytes([2; 16]));
        let hash = ours.hash(tenant, show, "Early-Bird").unwrap();
        assert_eq!(ours.hash(tenant, show, " early bird ").unwrap(), hash);
        let again = codes("the secret of this installation, long");
        assert_eq!(again.hash(tenant, show, "EARLYBIRD").unwrap(), hash);
        let other_tenant = TenantId::from_bytes([3; 16]);
        let other_show = ShowId::from_bytes([3; 16]);
        let theirs = codes("the secret of another installation!!");
        for (codes, tenant, show, text) in [
            (&ours, other_tenant, show, "EARLYBIRD"),
            (&ours, tenant, other_show, "EARLYBIRD"),
            (&ours, tenant, show, "EARLYBIRDS"),
            (&theirs, tenant, show, "EARLYBIRD"),
        ] {
            assert_ne!(codes.hash(tenant, show, text).unwrap(), hash, "{text}");
        }
    }

    #[test]
    fn generated_codes_differ_and_come_again_with_their_request() {
        let codes = codes("the secret of this installation, long");
        let (one, other) = (
            RequestId::from_bytes([1; 16]),
            RequestId::from_bytes([2; 16]),
        );
        let mut seen = std::collections::HashSet::new();
        for number in 0..10_000 {
            let code = codes.generated(one, number, "", GENERATED_MIN_CHARS);
            assert_eq!(code.len(), 14, "{code}");
            assert!(seen.insert(code));
        }
        assert!(seen.contains(&codes.generated(one, 7, "", GENERATED_MIN_CHARS)));
        assert!(!seen.contains(&codes.generated(other, 7, "", GENERATED_MIN_CHARS)));
        let code = codes.generated(one, 0, "FRIENDS", GENERATED_MAX_CHARS);
        assert!(code.starts_with("FRIENDS-"), "{code}");
        let plain = normalised(&code).unwrap();
        assert_eq!(plain.len(), "FRIENDS".len() + GENERATED_MAX_CHARS);
        assert!(!plain["FRIENDS".len()..].contains(['0', '1', 'O', 'I']));
        assert_eq!(codes.group_of(one), codes.group_of(one));
        assert_ne!(codes.group_of(one), codes.group_of(other));
    }

    #[test]
    fn a_text_opens_at_its_code_and_nowhere_else() {
        let codes = codes("the secret of this installation, long");
        let row = |code, sealed| CodeRow {
            code,
            sealed,
            ended_at_ms: None,
            uses: 0,
        };
        let (code, other) = (CodeHash::from_bytes([1; 16]), CodeHash::from_bytes([2; 16]));
        let sealed = codes.seal(code, "EARLY-BIRD");
        let open = |row: &CodeRow| codes.open(row);
        assert_eq!(
            open(&row(code, sealed.clone())).as_deref(),
            Some("EARLY-BIRD")
        );
        assert_eq!(open(&row(other, sealed)), None);
        assert_eq!(open(&row(code, None)), None);
    }
}
