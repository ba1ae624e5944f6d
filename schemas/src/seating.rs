//! What a hall is like beyond its rows: gaps, focus, accessible and companion seats, and what is
//! added to a show after it was opened.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::command::{OpenShowV2, ZoneLayout};
use crate::ids::{ShowId, ZoneIndex};
use crate::offer::Offer;

/// See [`crate::Command::OpenShowV3`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OpenShowV3 {
    /// The show as machine version 2 knows it.
    pub show: OpenShowV2,
    /// Plans of seated zones, ascending by zone. A zone without one has rows of rank 0 without gaps
    /// and only ordinary seats.
    pub plans: Vec<ZonePlan>,
    /// Companion seats that an order may have for each accessible seat in it, at most
    /// [`crate::limits::COMPANIONS_PER_ACCESSIBLE_MAX`].
    pub companions_per_accessible: u8,
    /// What is for sale at which price.
    pub offer: Offer,
}

/// The plan of a seated zone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ZonePlan {
    /// The zone.
    pub zone: ZoneIndex,
    /// One for each row, in the order of the rows.
    pub rows: Vec<RowPlan>,
}

/// What is special about a row. As JSON, which the catalog keeps it as, it has what is not the default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, Serialize, Deserialize)]
pub struct RowPlan {
    /// Best available looks at rows with a lower rank first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rank: u16,
    /// Where the best seat of the row is: twice its distance from the start of the row, in seats.
    /// 0 stands for the middle.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub focus: u16,
    /// Positions, counted from 0, before which there is a gap. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<u16>,
    /// Seats that are not ordinary, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special: Vec<Special>,
}

impl RowPlan {
    /// Whether nothing is special about the row: rank 0, the best seat in the middle, no gap, only
    /// ordinary seats.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

/// Seats of a row, one after the other, that are not ordinary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct Special {
    /// Position of the first in the row, counted from 0.
    pub first: u16,
    /// How many.
    pub count: u16,
    /// What they are; never [`SeatKind::Ordinary`].
    pub kind: SeatKind,
}

/// What a seat is.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Encode,
    Decode,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SeatKind {
    /// Any seat.
    #[default]
    Ordinary,
    /// For a person with reduced mobility.
    Accessible,
    /// For whoever comes with such a person.
    Companion,
}

/// See [`crate::Command::AddSeats`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AddSeats {
    /// The show.
    pub show: ShowId,
    /// What the show has now, so that a repetition adds nothing: the next seat index for rows, the
    /// capacity of the zone for capacity, the next zone index for a zone.
    pub expected: u32,
    /// What is added.
    pub addition: Addition,
}

/// What [`AddSeats`] adds.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Addition {
    /// Rows of a seated zone.
    Rows {
        /// The zone.
        zone: ZoneIndex,
        /// Seats of each new row.
        rows: Vec<u16>,
        /// None, or one for each new row.
        plans: Vec<RowPlan>,
    },
    /// Places of a general-admission zone.
    Capacity {
        /// The zone.
        zone: ZoneIndex,
        /// How many more.
        places: u32,
    },
    /// A zone behind the present ones.
    Zone {
        /// Its price, currency and places.
        layout: ZoneLayout,
        /// None, or one for each of its rows.
        plan: Vec<RowPlan>,
    },
}
