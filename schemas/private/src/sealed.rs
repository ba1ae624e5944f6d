//! A value as it lies in the database.

use std::fmt;

/// The first byte of every sealed value.
pub(crate) const VERSION: u8 = 1;
/// Length of the id of a key, in bytes.
pub const KEY_ID_BYTES: usize = 4;
pub(crate) const NONCE_BYTES: usize = 12;
/// Version and key.
pub(crate) const HEAD_BYTES: usize = 1 + KEY_ID_BYTES;

/// Which key a value is sealed with. It is derived from the key, so nobody has to name keys, or can
/// give two the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; KEY_ID_BYTES]);

impl KeyId {
    /// As it stands in sealed values.
    pub fn from_bytes(bytes: [u8; KEY_ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// As it stands in sealed values, from the second byte on.
    pub fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A sealed value. Only [`crate::KeyRing::seal`] makes one of a text; one that was read from the
/// database is whatever was there, until it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// From the database.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key that it names; `None` where it is no value of a known layout.
    pub fn key(&self) -> Option<KeyId> {
        let (version, rest) = self.0.split_first()?;
        let id = rest.first_chunk::<KEY_ID_BYTES>()?;
        (*version == VERSION).then_some(KeyId(*id))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
