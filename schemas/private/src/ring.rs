//! The keys that values are sealed with.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use onsale_settings::Secret;

use crate::place::Place;
use crate::sealed::{HEAD_BYTES, KeyId, NONCE_BYTES, Sealed, VERSION};
use crate::text::Private;

/// Shortest secret that a key is derived from, in bytes: what is shorter can be guessed.
pub const SECRET_MIN_BYTES: usize = 32;
/// What keys are derived for. These never change, or nothing opens any more.
const KEY_PURPOSE: &str = "onsale 2026 sealed columns";
const KEY_ID_PURPOSE: &str = "onsale 2026 id of a key of sealed columns";
const DERIVED_PURPOSE: &str = "onsale 2026 key derived from the key of sealed columns";

/// Why secrets are no ring of keys.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RingError {
    /// There is none.
    #[error("no key for personal data is configured")]
    Empty,
    /// It can be guessed.
    #[error("a key for personal data has {0} bytes: expected at least {SECRET_MIN_BYTES}")]
    Short(usize),
    /// The same key twice, or two with the same id.
    #[error("two keys for personal data have the id {0}: list each key once")]
    Twice(KeyId),
}

/// Why a value cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// Its key is not configured any more.
    #[error("{table}.{column} is sealed with the key {key}, which is not configured", table = place.table, column = place.column)]
    UnknownKey {
        /// The key that it names.
        key: KeyId,
        /// Where it lies.
        place: Place,
    },
    /// It was changed or moved, or never was a sealed value.
    #[error("{table}.{column} of row {row} is damaged, or belongs elsewhere", table = place.table, column = place.column, row = place.row)]
    Damaged {
        /// Where it lies.
        place: Place,
    },
}

struct Key {
    id: KeyId,
    cipher: Aes256GcmSiv,
    /// What keys for other purposes are derived from.
    root: [u8; 32],
}

/// The keys that values are opened with, the first of which seals new ones.
pub struct KeyRing {
    current: Key,
    older: Vec<Key>,
}

impl KeyRing {
    /// With `current` to seal, and with it and `older` to open.
    ///
    /// # Errors
    /// When a secret is too short, or is listed twice.
    pub fn new<'a>(
        current: &Secret,
        older: impl IntoIterator<Item = &'a Secret>,
    ) -> Result<Self, RingError> {
        let mut ring = Self {
            current: Key::of(current)?,
            older: Vec::new(),
        };
        for secret in older {
            let key = Key::of(secret)?;
            if ring.key(key.id).is_some() {
                return Err(RingError::Twice(key.id));
            }
            ring.older.push(key);
        }
        Ok(ring)
    }

    /// The key that new values are sealed with.
    pub fn current(&self) -> KeyId {
        self.current.id
    }

    /// All keys, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(|key| key.id)
    }

    /// Seals a text for its place.
    pub fn seal(&self, place: Place, text: &Private) -> Sealed {
        self.seal_bytes(place, text.expose().as_bytes())
    }

    /// Opens a text from its place.
    ///
    /// # Errors
    /// When the key is not here, or the value is not one of this place.
    pub fn open(&self, place: Place, sealed: &Sealed) -> Result<Private, OpenError> {
        let bytes = self.open_bytes(place, sealed)?;
        let text = String::from_utf8(bytes).map_err(|_| OpenError::Damaged { place })?;
        Ok(Private::new(text))
    }

    /// As [`KeyRing::seal`] for what is no text, as a key.
    pub fn seal_bytes(&self, place: Place, bytes: &[u8]) -> Sealed {
        let key = &self.current;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let mut sealed = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + bytes.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id.0);
        let payload = Payload {
            msg: bytes,
            aad: &place.associated_data(&sealed),
        };
        sealed.extend_from_slice(&nonce);
        match key.cipher.encrypt(&Nonce::from(nonce), payload) {
            Ok(ciphertext) => sealed.extend_from_slice(&ciphertext),
            // Only above 2^36 bytes. Such a value opens nowhere, which is better than a panic.
            Err(aes_gcm_siv::Error) => sealed.clear(),
        }
        Sealed::from_stored(sealed)
    }

    /// As [`KeyRing::open`] for what is no text.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn open_bytes(&self, place: Place, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        let damaged = || OpenError::Damaged { place };
        let id = sealed.key().ok_or_else(damaged)?;
        let key = self
            .key(id)
            .ok_or(OpenError::UnknownKey { key: id, place })?;
        let (head, rest) = sealed
            .as_bytes()
            .split_at_checked(HEAD_BYTES)
            .ok_or_else(damaged)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated_data(head),
        };
        key.cipher
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| damaged())
    }

    /// The value sealed with the current key; `None` where it is already.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn rotated(&self, place: Place, sealed: &Sealed) -> Result<Option<Sealed>, OpenError> {
        if sealed.key() == Some(self.current.id) {
            return Ok(None);
        }
        let bytes = self.open_bytes(place, sealed)?;
        Ok(Some(self.seal_bytes(place, &bytes)))
    }

    /// A key for another purpose, derived from the current one: it changes with it, so it is for what
    /// lives no longer than a rotation takes.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        self.current.derived(purpose)
    }

    /// As [`KeyRing::derived`], from the keys that are not the current one: while that is changed, other
    /// nodes derive from one of these.
    pub fn derived_from_others(&self, purpose: &str) -> Vec<[u8; 32]> {
        self.older.iter().map(|key| key.derived(purpose)).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }

    fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys().find(|key| key.id == id)
    }
}

impl Key {
    fn of(secret: &Secret) -> Result<Self, RingError> {
        let secret = secret.expose().as_bytes();
        if secret.len() < SECRET_MIN_BYTES {
            return Err(RingError::Short(secret.len()));
        }
        let root = blake3::derive_key(KEY_PURPOSE, secret);
        let [a, b, c, d, ..] = blake3::derive_key(KEY_ID_PURPOSE, secret);
        Ok(Self {
            id: KeyId([a, b, c, d]),
            cipher: Aes256GcmSiv::new(&root.into()),
            root,
        })
    }

    fn derived(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(DERIVED_PURPOSE);
        hasher.update(&self.root);
        hasher.update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const ROW: Uuid = Uuid::from_u128(7);
    const PLACE: Place = Place {
        table: "users",
        column: "email_sealed",
        row: ROW,
    };

    fn secret(letter: &str) -> Secret {
        Secret::new(letter.repeat(SECRET_MIN_BYTES))
    }

    fn ring(current: &str, older: &[&str]) -> KeyRing {
        let older: Vec<Secret> = older.iter().map(|letter| secret(letter)).collect();
        KeyRing::new(&secret(current), &older).unwrap()
    }

    #[test]
    fn a_value_opens_at_its_place_and_nowhere_else() {
        let ring = ring("a", &[]);
        let text = Private::new("nobody@example.test");
        let sealed = ring.seal(PLACE, &text);
        assert_eq!(ring.open(PLACE, &sealed), Ok(text.clone()));
        assert_ne!(ring.seal(PLACE, &text), sealed, "each has its own nonce");
        let others = [
            Place {
                row: Uuid::from_u128(8),
                ..PLACE
            },
            Place {
                column: "name_sealed",
                ..PLACE
            },
            Place {
                table: "userse",
                column: "mail_sealed",
                ..PLACE
            },
        ];
        for place in others {
            assert_eq!(
                ring.open(place, &sealed),
                Err(OpenError::Damaged { place }),
                "{place:?}"
            );
        }
    }

    #[test]
    fn old_values_open_until_their_key_is_gone() {
        let text = Private::new("Nobody");
        let sealed = ring("a", &[]).seal(PLACE, &text);
        let both = ring("b", &["a"]);
        assert_eq!(both.open(PLACE, &sealed), Ok(text.clone()));
        let rotated = both.rotated(PLACE, &sealed).unwrap().unwrap();
        assert_eq!(both.rotated(PLACE, &rotated), Ok(None));
        let new = ring("b", &[]);
        assert_eq!(new.open(PLACE, &rotated), Ok(text));
        let key = sealed.key().unwrap();
        assert_eq!(
            new.open(PLACE, &sealed),
            Err(OpenError::UnknownKey { key, place: PLACE })
        );
    }

    #[test]
    fn each_key_has_its_own_for_another_purpose_whichever_is_current() {
        let (a, b) = (ring("a", &[]).derived("x"), ring("b", &[]).derived("x"));
        assert_ne!(a, b);
        let changing = ring("b", &["a"]);
        assert_eq!(changing.derived("x"), b);
        assert_eq!(changing.derived_from_others("x"), [a]);
        assert_ne!(changing.derived("y"), b);
    }

    #[test]
    fn what_cannot_be_a_ring_is_refused() {
        let short = KeyRing::new(&Secret::new("short"), []).unwrap_err();
        assert_eq!(short, RingError::Short(5));
        let twice = KeyRing::new(&secret("a"), [&secret("a")]).unwrap_err();
        assert!(matches!(twice, RingError::Twice(_)));
        assert!(!twice.to_string().contains("aaaa"));
        assert!(!format!("{:?}", ring("a", &["b"])).contains("aaaa"));
    }

    #[test]
    fn what_was_sealed_by_hand_opens() {
        // By another implementation of BLAKE3 and AES-256-GCM-SIV, which was held to the vectors of
        // RFC 8452: layout, derivations and associated data are what the documentation says, for ever.
        const STORED: &str = "015b54b1de000102030405060708090a0b0a68c7fbf2c6a30d296b3e35c0fcd1786c31b1\
             c6b976389e38a05da459ff1143cbcbc0";
        let bytes: Vec<u8> = (0..STORED.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&STORED[at..at + 2], 16).unwrap())
            .collect();
        let stored = Sealed::from_stored(bytes);
        let text = Private::new("nobody@example.test");
        assert_eq!(ring("k", &[]).open(PLACE, &stored), Ok(text));
        assert_eq!(stored.key().unwrap().to_string(), "5b54b1de");
    }

    proptest! {
        #[test]
        fn every_changed_bit_is_noticed(text in ".{0,40}", at in any::<usize>(), bit in 0u8..8) {
            let ring = ring("a", &["b"]);
            let mut bytes = ring.seal(PLACE, &Private::new(text)).as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(ring.open(PLACE, &Sealed::from_stored(bytes)).is_err());
        }

        #[test]
        fn bytes_that_are_no_value_open_as_nothing(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(ring("a", &[]).open(PLACE, &Sealed::from_stored(bytes)).is_err());
        }
    }
}
