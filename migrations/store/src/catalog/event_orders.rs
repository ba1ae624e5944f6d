//! Which orders of an event to list.

use onsale_schemas::{BookingId, EventId, ShowId, UserId};

use crate::booking::BookingStatus;

/// The bookings of an event, newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderFilter {
    /// The event.
    pub event_id: EventId,
    /// Only of this show.
    pub show_id: Option<ShowId>,
    /// Only with this status.
    pub status: Option<BookingStatus>,
    /// Only of this buyer.
    pub user_id: Option<UserId>,
    /// Only those before this one in the log. All of an event are in one partition.
    pub before: Option<BookingId>,
    /// Maximum number of them.
    pub limit: u32,
}

impl OrderFilter {
    /// The offset before which the page begins.
    pub(crate) fn before_offset(&self) -> i64 {
        self.before.map_or(i64::MAX, |booking| {
            i64::try_from(booking.offset()).unwrap_or(i64::MAX)
        })
    }
}
