//! A sign-in between its beginning and its end. It lies in the browser alone, sealed in a cookie: nothing is
//! kept here of those who begin one and never come back.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::{KeyRing, Place, Private, Sealed};
use onsale_store::account::TokenHash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How long a person may take at the provider and back, in milliseconds: 10 minutes.
pub(crate) const JOURNEY_MS: u64 = 600_000;
/// Longest cookie that is looked at, in bytes.
const COOKIE_MAX_BYTES: usize = 4_096;
/// A cookie is no column, and is bound to its use as one is to its place.
const PLACE: Place = Place {
    table: "cookies",
    column: "journey",
    row: Uuid::nil(),
};
const STATE: &str = "onsale 2026 state of a federated sign-in";
const NONCE: &str = "onsale 2026 nonce of a federated sign-in";
const VERIFIER: &str = "onsale 2026 PKCE verifier of a federated sign-in";
const STATE_HASH: &str = "onsale 2026 hash of the state of a federated sign-in";

/// See the module. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Journey {
    /// The provider.
    pub(crate) provider: String,
    /// What state, nonce and verifier are derived from: whoever sees one knows none of the others.
    root: [u8; 32],
    /// Where the browser goes then.
    pub(crate) return_to: String,
    /// The account and session in which a person asked to link an identity; `None`: it signs in.
    pub(crate) linking: Option<(Uuid, Uuid)>,
    /// Until when it is good, in milliseconds since 1970.
    pub(crate) expires_at_ms: u64,
}

impl Journey {
    pub(crate) fn new(
        provider: &str,
        return_to: &str,
        linking: Option<(Uuid, Uuid)>,
        now_ms: u64,
    ) -> Self {
        Self {
            provider: provider.to_owned(),
            root: rand::random(),
            return_to: return_to.to_owned(),
            linking,
            expires_at_ms: now_ms.saturating_add(JOURNEY_MS),
        }
    }

    /// What the browser brings back, and only from the provider.
    pub(crate) fn state(&self) -> String {
        self.part(STATE)
    }

    /// What the token has to say.
    pub(crate) fn nonce(&self) -> String {
        self.part(NONCE)
    }

    /// What only the exchange of the code says (RFC 7636).
    pub(crate) fn verifier(&self) -> Private {
        Private::new(self.part(VERIFIER))
    }

    /// What the provider learns of the verifier beforehand: its SHA-256.
    pub(crate) fn challenge(&self) -> String {
        let digest = Sha256::digest(self.part(VERIFIER).as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// By which the database knows that it was used.
    pub(crate) fn state_hash(&self) -> TokenHash {
        blake3::derive_key(STATE_HASH, &self.root)
    }

    fn part(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(purpose, &self.root))
    }

    /// As the cookie holds it.
    pub(crate) fn seal(&self, ring: &KeyRing) -> Result<String, serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        let sealed = ring.seal_bytes(PLACE, &bytes);
        Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
    }

    /// The one in a cookie, where it is good.
    pub(crate) fn open(ring: &KeyRing, cookie: &str, now_ms: u64) -> Option<Self> {
        if cookie.len() > COOKIE_MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let bytes = ring.open_bytes(PLACE, &Sealed::from_stored(bytes)).ok()?;
        let journey: Self = serde_json::from_slice(&bytes).ok()?;
        (now_ms < journey.expires_at_ms).then_some(journey)
    }
}

impl fmt::Debug for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::*;

    #[test]
    fn a_journey_opens_with_its_key_and_in_its_time() {
        let ring = KeyRing::new(&Secret::new("k".repeat(32)), []).unwrap();
        let other = KeyRing::new(&Secret::new("o".repeat(32)), []).unwrap();
        let journey = Journey::new("google", "/shows", Some((Uuid::nil(), Uuid::max())), 5);
        let cookie = journey.seal(&ring).unwrap();
        let open = |ring, now_ms| Journey::open(ring, &cookie, now_ms);
        assert_eq!(open(&ring, 5), Some(journey.clone()));
        assert_eq!(open(&ring, 5 + JOURNEY_MS), None);
        assert_eq!(open(&other, 5), None);
        assert_eq!(Journey::open(&ring, &cookie[1..], 5), None);
        assert_eq!(Journey::open(&ring, &"x".repeat(5_000), 5), None);
        let parts = [journey.state(), journey.nonce(), journey.part(VERIFIER)];
        assert!(parts.iter().all(|part| part.len() == 43), "{parts:?}");
        assert!(parts[0] != parts[1] && parts[1] != parts[2]);
        assert_ne!(Journey::new("google", "/", None, 5).state(), parts[0]);
        assert_eq!(format!("{journey:?}"), "Journey(hidden)");
    }

    #[test]
    fn the_challenge_is_the_digest_of_the_verifier() {
        let journey = Journey::new("google", "/", None, 5);
        let digest = Sha256::digest(journey.verifier().expose().as_bytes());
        assert_eq!(URL_SAFE_NO_PAD.encode(digest), journey.challenge());
    }
}
