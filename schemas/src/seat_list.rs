//! Seats of one booking.

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::ids::SeatIndex;
use crate::limits::SEATS_PER_BLOCK_MAX;

/// A list of seat indexes; up to six need no heap. Encoded as a count and the indexes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatList(SmallVec<[SeatIndex; 6]>);

impl SeatList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a seat at the end.
    #[inline]
    pub fn push(&mut self, seat: SeatIndex) {
        self.0.push(seat);
    }

    /// Sorts ascending.
    pub fn sort_unstable(&mut self) {
        self.0.sort_unstable();
    }
}

impl std::ops::Deref for SeatList {
    type Target = [SeatIndex];

    #[inline]
    fn deref(&self) -> &[SeatIndex] {
        &self.0
    }
}

impl From<&[SeatIndex]> for SeatList {
    fn from(seats: &[SeatIndex]) -> Self {
        Self(SmallVec::from_slice(seats))
    }
}

impl FromIterator<SeatIndex> for SeatList {
    fn from_iter<I: IntoIterator<Item = SeatIndex>>(seats: I) -> Self {
        Self(seats.into_iter().collect())
    }
}

impl Encode for SeatList {
    #[inline]
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.0.len() as u64).encode(encoder)?;
        for seat in &self.0 {
            seat.encode(encoder)?;
        }
        Ok(())
    }
}

impl<C> Decode<C> for SeatList {
    #[inline]
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u64::decode(decoder)?;
        // Checked before anything is reserved: a forged count must not allocate.
        if count > u64::from(SEATS_PER_BLOCK_MAX) {
            return Err(DecodeError::Other(
                "seat list is longer than SEATS_PER_BLOCK_MAX",
            ));
        }
        let mut seats = SmallVec::new();
        for _ in 0..count {
            seats.push(SeatIndex::decode(decoder)?);
        }
        Ok(Self(seats))
    }
}

impl<'de, C> BorrowDecode<'de, C> for SeatList {
    #[inline]
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}
