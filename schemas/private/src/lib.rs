//! Personal data: the one type that carries it, how it lies in the database, and how it is looked for.
//!
//! An e-mail address, a name or a telephone number is a [`Private`] everywhere in this program. Its
//! `Debug` shows nothing, so no log line, panic or error names a person by accident; code that really
//! needs the text says [`Private::expose`].
//!
//! In the database it is a [`Sealed`]: AES-256-GCM-SIV (RFC 8452) with a random nonce for each value.
//! A sealed value has the id of its key in front, so an old and a new key can be in use while
//! everything is sealed again ([`KeyRing`]); and it is bound to its table, column and row ([`Place`]),
//! so whoever can write to the database cannot move one person's value to another's row. The layout,
//! which never changes but by a new first byte:
//!
//! | Bytes | What |
//! |---|---|
//! | 1 | version of the layout, 1 |
//! | 4 | id of the key |
//! | 12 | nonce |
//! | rest | ciphertext, then 16 bytes of tag |
//!
//! What has to be found again by its value has a [`LookupHash`] beside it, keyed with a
//! [`LookupKey`]. That key is random, is made once, lies sealed in the database itself and outlives
//! every rotation: with hashes under two keys at once no unique index could tell that an address is
//! taken. A stolen database without the configured key shows neither values nor which of two hashes
//! belongs to a guessed address.

mod lookup;
mod place;
mod ring;
mod sealed;
mod text;

pub use lookup::{LOOKUP_KEY_BYTES, LookupHash, LookupKey};
pub use place::Place;
pub use ring::{KeyRing, OpenError, RingError, SECRET_MIN_BYTES};
pub use sealed::{KEY_ID_BYTES, KeyId, Sealed};
pub use text::Private;
