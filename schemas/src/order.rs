//! Orders: a booking of several zones and ticket types, and the partial return of one.

use bincode::{Decode, Encode};

use crate::ids::{CodeHash, LineIndex, Offset, ShowId, TicketTypeId, UserId, ZoneIndex};
use crate::seat_list::SeatList;
use crate::seating::SeatKind;

/// See [`crate::Command::ReserveV2`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReserveV2 {
    /// The show.
    pub show: ShowId,
    /// For whom.
    pub user: UserId,
    /// What is asked for, all or nothing; at most [`crate::limits::ITEMS_PER_ORDER_MAX`].
    pub items: Vec<Item>,
    /// The code of the order.
    pub code: Option<CodeHash>,
    /// The total that the buyer saw, in minor units; a different one now is refused.
    pub expected_total: Option<i64>,
}

/// Places of one zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Item {
    /// The zone.
    pub zone: ZoneIndex,
    /// Which places.
    pub pick: PickV2,
    /// How many places of which ticket type, in the order of the places; none means type 0 for all.
    pub types: Vec<(TicketTypeId, u32)>,
}

/// Which places of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum PickV2 {
    /// Just these seats.
    Seats(SeatList),
    /// The best that is free.
    BestAvailable {
        /// How many.
        quantity: u32,
        /// Only seats next to each other in one row; else they may be split.
        together: bool,
        /// Only seats of this kind.
        kind: SeatKind,
    },
    /// Places of a general-admission zone.
    General {
        /// How many.
        quantity: u32,
    },
}

impl PickV2 {
    /// How many places it asks for.
    pub fn places(&self) -> u32 {
        match self {
            Self::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
            Self::BestAvailable { quantity, .. } | Self::General { quantity } => *quantity,
        }
    }
}

/// See [`crate::Command::ReturnPlaces`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReturnPlaces {
    /// The booking.
    pub booking: Offset,
    /// Seats of it.
    pub seats: SeatList,
    /// How many places of which lines without seats.
    pub places: Vec<(LineIndex, u32)>,
}
