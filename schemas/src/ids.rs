//! Identifiers. All of them are pseudonymous: no name, address or number of a person is ever part
//! of one, because they end up in the log.

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::NODE_NAME_MAX_BYTES;

/// Position of a record in its partition, counted from 0. Contiguous within a partition.
pub type Offset = u64;
/// Milliseconds since 1970-01-01T00:00:00Z as stamped on the record by the log.
pub type LogTimeMs = u64;
/// Index of a seat in its show: zones in order, in each its rows in order, in each its seats.
/// General-admission zones have none.
pub type SeatIndex = u32;
/// Index of a zone in its show.
pub type ZoneIndex = u16;
/// Number of a ticket type in its show, below [`crate::limits::TYPES_PER_SHOW_MAX`]. Type 0 is the
/// one that a place has where nothing is said.
pub type TicketTypeId = u8;
/// Number of a line in its booking, counted from 0.
pub type LineIndex = u8;
/// Number of a group of codes in its show, as its tenant chose it.
pub type CodeGroup = u32;

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id as 16 bytes, network order.
            #[inline]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id from 16 bytes, network order.
            #[inline]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl Encode for $name {
            #[inline]
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.as_bytes().encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            #[inline]
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                Ok(Self::from_bytes(<[u8; 16]>::decode(decoder)?))
            }
        }

        impl<'de, C> BorrowDecode<'de, C> for $name {
            #[inline]
            fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, DecodeError> {
                Self::decode(decoder)
            }
        }
    };
}

uuid_newtype!(
    /// A show: one performance at one time, with its own seats.
    ShowId
);
uuid_newtype!(
    /// An event: what is advertised; it has one or more shows and one ticket limit per user.
    EventId
);
uuid_newtype!(
    /// A pseudonymous account.
    UserId
);
uuid_newtype!(
    /// A request. With an idempotency key it is derived from user and key
    /// ([`crate::envelope::idempotent_request_id`]), without one it is random.
    RequestId
);

uuid_newtype!(
    /// A tenant: an organization that sells. Nil in installations that have one only.
    TenantId
);
uuid_newtype!(
    /// A tenant's payment reference, hashed ([`crate::envelope::reference_hash`]); never shown to
    /// anyone.
    ReferenceHash
);
uuid_newtype!(
    /// A presale, discount or access code as the log knows it: a keyed hash that the edge made. The
    /// code does not follow from it, so it may be logged.
    CodeHash
);

/// One partition of the command log and the state machine behind it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode,
)]
#[serde(transparent)]
pub struct PartitionId(pub u16);

impl std::fmt::Display for PartitionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of a node as configured (`ONSALE_NODE__ID`), at most
/// [`crate::limits::NODE_NAME_MAX_BYTES`] bytes.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode,
)]
#[serde(transparent)]
pub struct NodeName(pub String);

impl NodeName {
    /// Whether a text can be the name of a node: letters, digits, `-`, `_` and `.`.
    pub fn is_name(text: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (1..=NODE_NAME_MAX_BYTES).contains(&text.len()) && text.chars().all(plain)
    }
}

impl std::fmt::Display for NodeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Id of a booking: a UUIDv8 (RFC 9562) that carries the position of its reservation in the log.
///
/// Any node can route it without a look-up. 30 check bits distinguish ids created here from made-up
/// ones; they are not secret and grant nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BookingId(Uuid);

impl BookingId {
    /// The id of the booking whose `Reserve` is at `offset` of `partition`.
    pub fn new(partition: PartitionId, offset: Offset) -> Self {
        let mut bytes = [0u8; 16];
        bytes[0..2].copy_from_slice(&partition.0.to_be_bytes());
        let [o0, o1, o2, o3, o4, o5, o6, o7] = offset.to_be_bytes();
        bytes[2..6].copy_from_slice(&[o0, o1, o2, o3]);
        bytes[6..8].copy_from_slice(&[0x00, 0x53]);
        let [c0, c1, c2, c3] = Self::check_bits(partition, offset).to_be_bytes();
        bytes[8..12].copy_from_slice(&[c0, c1, c2, c3]);
        bytes[12..16].copy_from_slice(&[o4, o5, o6, o7]);
        Self(Uuid::new_v8(bytes))
    }

    /// The id if `uuid` is one that [`BookingId::new`] can have created.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        let id = Self(uuid);
        (Self::new(id.partition(), id.offset()) == id).then_some(id)
    }

    /// The id as a plain UUID.
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// The partition that holds the booking.
    pub fn partition(&self) -> PartitionId {
        let b = self.0.as_bytes();
        PartitionId(u16::from_be_bytes([b[0], b[1]]))
    }

    /// The offset of the booking's `Reserve`.
    pub fn offset(&self) -> Offset {
        let b = self.0.as_bytes();
        u64::from_be_bytes([b[2], b[3], b[4], b[5], b[12], b[13], b[14], b[15]])
    }

    /// The upper two bits are overwritten by the UUID variant.
    fn check_bits(partition: PartitionId, offset: Offset) -> u32 {
        let mut key = [0u8; 10];
        key[0..2].copy_from_slice(&partition.0.to_be_bytes());
        key[2..10].copy_from_slice(&offset.to_be_bytes());
        (xxhash_rust::xxh3::xxh3_64(&key) >> 34) as u32
    }
}

impl std::fmt::Display for BookingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for BookingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "BookingId({}@{}:{})",
            self.0,
            self.partition(),
            self.offset()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn booking_id_golden() {
        let id = BookingId::new(PartitionId(3), 12_345);
        assert_eq!(id.to_string(), "00030000-0000-8053-b471-7c6100003039");
    }

    proptest! {
        #[test]
        fn booking_id_round_trips(partition: u16, offset: u64) {
            let id = BookingId::new(PartitionId(partition), offset);
            prop_assert_eq!(id.partition(), PartitionId(partition));
            prop_assert_eq!(id.offset(), offset);
            prop_assert_eq!(id.as_uuid().get_version_num(), 8);
            prop_assert_eq!(BookingId::from_uuid(id.as_uuid()), Some(id));
        }

        #[test]
        fn a_made_up_id_is_refused(bytes: [u8; 16]) {
            // One in 2^30 would pass by chance, and it still would have to exist.
            prop_assert_eq!(BookingId::from_uuid(Uuid::new_v8(bytes)), None);
        }
    }
}
