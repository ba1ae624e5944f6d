//! The state of one show's seats, as live views start from it.

use crate::ids::{Offset, SeatIndex, ShowId};

/// What a seat is when it is not free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeatStatus {
    /// In a live hold.
    Held,
    /// Confirmed.
    Sold,
    /// Off sale.
    Blocked,
}

/// Places of one zone by state. `available + held + sold + blocked` is the zone's size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ZoneCounts {
    /// Free.
    pub available: u32,
    /// In live holds.
    pub held: u32,
    /// Confirmed.
    pub sold: u32,
    /// Off sale.
    pub blocked: u32,
}

/// All seats of a show just before the record at `next_offset` is applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShowSeats {
    /// The show.
    pub show: ShowId,
    /// Offset of the first record not yet taken into account.
    pub next_offset: Offset,
    /// True once the show was cancelled: nothing of it is for sale.
    pub cancelled: bool,
    /// Counts of each zone in order.
    pub zones: Vec<ZoneCounts>,
    /// The seats that are not free, ascending.
    pub unavailable: Vec<(SeatIndex, SeatStatus)>,
}
