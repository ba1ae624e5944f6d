//! Bookings as projected from the log.

mod order;

use std::collections::BTreeMap;

use onsale_schemas::{
    BookingId, EventId, Offset, PartitionId, RequestId, SeatIndex, ShowId, UserId, ZoneIndex,
};
use serde::{Deserialize, Serialize};

pub use self::order::OrderRow;
pub(crate) use self::order::places_of;

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
    /// The zone; that of the first line of an order.
    pub zone: ZoneIndex,
    /// The seats, empty for general admission; those of an order in the order of its lines.
    pub seats: Vec<u32>,
    /// How many places, of an order in all zones. 0 when the last ones were returned one by one.
    pub quantity: u32,
    /// Price of one in minor units; that of the first line of an order.
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
    /// How its places were priced where it is more than places of one zone at its price.
    pub order: Option<OrderRow>,
}

impl BookingRow {
    /// The columns in which this row is not `stands`, each as `name: log … database …`. Whose booking
    /// it is and what its payment is known by are not shown.
    pub fn differences(&self, stands: &Self) -> Vec<String> {
        let mut columns = Columns::default();
        columns.check("status", &self.status, &stands.status);
        columns.check("request_id", &self.request_id, &stands.request_id);
        columns.check("event_id", &self.event_id, &stands.event_id);
        columns.check("show_id", &self.show_id, &stands.show_id);
        columns.hidden("user_id", &self.user_id, &stands.user_id);
        columns.check("zone", &self.zone, &stands.zone);
        columns.check("seats", &self.seats, &stands.seats);
        columns.check("quantity", &self.quantity, &stands.quantity);
        columns.check("unit_price", &self.unit_price, &stands.unit_price);
        columns.check("currency", &self.currency, &stands.currency);
        columns.check(
            "reserved_at_ms",
            &self.reserved_at_ms,
            &stands.reserved_at_ms,
        );
        columns.check("expires_at_ms", &self.expires_at_ms, &stands.expires_at_ms);
        columns.check(
            "confirmed_at_ms",
            &self.confirmed_at_ms,
            &stands.confirmed_at_ms,
        );
        columns.check("ended_at_ms", &self.ended_at_ms, &stands.ended_at_ms);
        columns.hidden(
            "payment_reference",
            &self.payment_reference,
            &stands.payment_reference,
        );
        columns.check(
            "updated_offset",
            &self.updated_offset,
            &stands.updated_offset,
        );
        for (name, log, database) in
            OrderRow::differing_columns(self.order.as_ref(), stands.order.as_ref())
        {
            columns.0.push(difference(name, &log, &database));
        }
        columns.0
    }
}

/// The columns that differ.
#[derive(Default)]
struct Columns(Vec<String>);

impl Columns {
    fn check<T: PartialEq + Serialize>(&mut self, name: &str, log: &T, database: &T) {
        if log != database {
            let shown = |value: &T| serde_json::to_string(value).unwrap_or_default();
            self.0.push(difference(name, &shown(log), &shown(database)));
        }
    }

    fn hidden<T: PartialEq>(&mut self, name: &str, log: &T, database: &T) {
        if log != database {
            self.0.push(format!("{name}: {HIDDEN}"));
        }
    }
}

fn difference(name: &str, log: &str, database: &str) -> String {
    format!("{name}: log {log} database {database}")
}

/// What is said of a column that differs and whose values are not for reports.
pub const HIDDEN: &str = "differs (not shown)";

/// A booking as it is stored, by the program or changed by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredBooking {
    /// Its id, by its key.
    pub booking_id: BookingId,
    /// Its row, or what no projection has written in it.
    pub row: Result<BookingRow, String>,
}

/// What a repair does to the bookings of a database, in one transaction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BookingRepair {
    /// Rows that are written just as given.
    pub rows: Vec<BookingRow>,
    /// Rows that are removed with their seats.
    pub removed: Vec<BookingId>,
    /// Every seat that is held in these shows, and by which booking; what stands there otherwise goes.
    pub holders: BTreeMap<ShowId, Vec<(SeatIndex, BookingId)>>,
    /// Where the projection has to stand for it; `None` where nobody else can write it.
    pub projected: Option<ExpectedProjection>,
}

/// Where the projection has to stand for what is written beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedProjection {
    /// The next offset of each partition.
    pub offsets: Vec<(PartitionId, Offset)>,
    /// Whether another connection holds the watermarks, so that they can only be looked at.
    pub is_held: bool,
}

impl From<&[BookingRow]> for BookingRepair {
    fn from(rows: &[BookingRow]) -> Self {
        Self {
            rows: rows.to_vec(),
            ..Self::default()
        }
    }
}

impl<const N: usize> From<&[BookingRow; N]> for BookingRepair {
    fn from(rows: &[BookingRow; N]) -> Self {
        Self::from(&rows[..])
    }
}

impl From<&Vec<BookingRow>> for BookingRepair {
    fn from(rows: &Vec<BookingRow>) -> Self {
        Self::from(&rows[..])
    }
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
