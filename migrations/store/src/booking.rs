//! Bookings as projected from the log.

use onsale_schemas::{
    BookingId, EventId, Offset, PartitionId, RequestId, ShowId, UserId, ZoneIndex,
};
use serde::{Deserialize, Serialize};

/// Where a booking stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BookingStatus {
    /// Held.
    Reserved,
    /// Sold.
    Confirmed,
    /// Released, or void because its show was cancelled.
    Cancelled,
    /// The hold ran out.
    Expired,
}

impl BookingStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Reserved,
            Self::Confirmed,
            Self::Cancelled,
            Self::Expired,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }

    /// True while the booking has places.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Reserved | Self::Confirmed)
    }
}

/// A booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingRow {
    /// Its id, which carries partition and offset.
    pub booking_id: BookingId,
    /// The request that made it.
    pub request_id: Option<RequestId>,
    /// Its event.
    pub event_id: EventId,
    /// Its show.
    pub show_id: ShowId,
    /// For whom.
    pub user_id: UserId,
    /// The zone.
    pub zone: ZoneIndex,
    /// The seats, empty for general admission.
    pub seats: Vec<u32>,
    /// How many places.
    pub quantity: u32,
    /// Price of one in minor units.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it was reserved.
    pub reserved_at_ms: u64,
    /// End of the hold.
    pub expires_at_ms: u64,
    /// When it was confirmed.
    pub confirmed_at_ms: Option<u64>,
    /// When it ended (cancelled or expired).
    pub ended_at_ms: Option<u64>,
    /// What the payment is known by.
    pub payment_reference: Option<String>,
    /// Offset of the last record that changed the row.
    pub updated_offset: Offset,
}

/// Which of a user's bookings to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingFilter {
    /// Whose.
    pub user_id: UserId,
    /// Only with this status.
    pub status: Option<BookingStatus>,
    /// Only holds that end after this time (for pending payments).
    pub expires_after_ms: Option<u64>,
    /// Only after this (reserved_at_ms, booking id) in the list's order.
    pub after: Option<(u64, BookingId)>,
    /// Maximum number of bookings.
    pub limit: u32,
}

/// Sum over the projected bookings of one zone, for reconciliation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ZoneSums {
    /// Places in reserved bookings.
    pub held: u64,
    /// Places in confirmed bookings.
    pub sold: u64,
    /// Places blocked.
    pub blocked: u64,
}

/// The offset before which every record of the partition is projected; 0 where nothing is.
pub fn projected_offset(watermarks: &[Watermark], partition: PartitionId) -> Offset {
    watermarks
        .iter()
        .find(|mark| mark.partition == partition)
        .map_or(0, |mark| mark.next_offset)
}

/// Where a partition's projection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watermark {
    /// The partition.
    pub partition: PartitionId,
    /// Every record before this offset is projected.
    pub next_offset: Offset,
    /// Offset of the last outcome projected, the chain's end.
    pub last_outcome: Option<Offset>,
    /// Log time of the last projected record, in milliseconds since 1970.
    pub log_time_ms: u64,
}

/// From when on the machine of a partition has version 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version2 {
    /// Log time of the record that raised it, in milliseconds.
    pub since_ms: u64,
    /// That record; `None` where only its time was noted.
    pub since_offset: Option<Offset>,
}

impl Version2 {
    /// As far as anybody knows.
    pub const ALWAYS: Self = Self {
        since_ms: 0,
        since_offset: Some(0),
    };

    /// Whether a booking was confirmed before. Its own record counts too: times go back when a clock
    /// is set, and what was reserved later was not confirmed earlier.
    pub fn is_after_confirmation(&self, booking: BookingId, confirmed_at_ms: u64) -> bool {
        let is_reserved_before = self
            .since_offset
            .is_none_or(|since| booking.offset() < since);
        confirmed_at_ms < self.since_ms && is_reserved_before
    }
}
