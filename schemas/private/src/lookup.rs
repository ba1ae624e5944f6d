//! Finding a person by a value that only its sealed form is kept of.

use std::fmt;

/// Length of the key, in bytes.
pub const LOOKUP_KEY_BYTES: usize = 32;

/// The key of all hashes for look-ups of one installation.
#[derive(Clone)]
pub struct LookupKey([u8; LOOKUP_KEY_BYTES]);

/// The keyed hash of a value, by which its row is found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupHash([u8; 32]);

impl LookupKey {
    /// A new one, at random.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// One that was kept; `None` where these are not as many bytes as a key has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// To be kept, sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of a value, as `kind` of thing: the same text as an address and as a number has two
    /// hashes, which cannot be compared.
    pub fn hash(&self, kind: &str, value: &[u8]) -> LookupHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        let length = u64::try_from(kind.len()).unwrap_or(u64::MAX);
        hasher.update(&length.to_be_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(value);
        LookupHash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for LookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookupKey(hidden)")
    }
}

impl LookupHash {
    /// From the database.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For the database.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Its beginning is enough to tell two apart in a log, and cannot be turned back.
impl fmt::Debug for LookupHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "LookupHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_hash_for_each_key_and_kind() {
        let (one, other) = (LookupKey::random(), LookupKey::random());
        let hash = one.hash("email", b"nobody@example.test");
        assert_eq!(hash, one.hash("email", b"nobody@example.test"));
        assert_ne!(hash, one.hash("phone", b"nobody@example.test"));
        assert_ne!(hash, other.hash("email", b"nobody@example.test"));
        assert_ne!(one.hash("ab", b"c"), one.hash("a", b"bc"));
        let kept = LookupKey::from_bytes(one.as_bytes()).unwrap();
        assert_eq!(hash, kept.hash("email", b"nobody@example.test"));
        assert!(LookupKey::from_bytes(b"short").is_none());
    }
}
