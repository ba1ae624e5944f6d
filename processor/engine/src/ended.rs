//! Bookings that were released, returned or ran out and are not forgotten yet, in order of the end.

use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
use onsale_schemas::{LogTimeMs, Offset};

use crate::bookings::Bookings;
use crate::index::NONE;
use crate::list::List;

/// The queue.
#[derive(Clone, Default)]
pub(crate) struct Ended {
    queue: List,
    pub(crate) len: u32,
}

/// True when a booking that ended then is forgotten now, swept or not.
#[inline]
pub(crate) fn is_forgotten(ended_at_ms: LogTimeMs, now: LogTimeMs) -> bool {
    now.saturating_sub(ended_at_ms) >= ENDED_BOOKING_KEPT_MS
}

impl Ended {
    /// Adds a booking that has just become an ended one.
    #[inline]
    pub(crate) fn push(&mut self, bookings: &mut Bookings, slot: u32) {
        self.queue.push_back(bookings, slot);
        self.len += 1;
    }

    /// Takes a booking out: it is revived or forgotten.
    #[inline]
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        self.queue.remove(bookings, slot);
        self.len -= 1;
    }

    /// A booking that is to be forgotten by now: the one that ended first.
    #[inline]
    pub(crate) fn forgettable(&self, bookings: &Bookings, now: LogTimeMs) -> Option<u32> {
        let slot = self.queue.head;
        (slot != NONE && is_forgotten(bookings.get(slot).ended_at_ms(), now)).then_some(slot)
    }

    /// Rebuilds the queue from unlinked records.
    pub(crate) fn restore(bookings: &mut Bookings, slots: &[u32]) -> Self {
        let mut order: Vec<(LogTimeMs, Offset, u32)> = slots
            .iter()
            .map(|&slot| {
                let booking = bookings.get(slot);
                (booking.ended_at_ms(), booking.offset, slot)
            })
            .collect();
        order.sort_unstable();
        let mut ended = Self::default();
        for (_, _, slot) in order {
            ended.push(bookings, slot);
        }
        ended
    }

    /// Slots in the order of the queue.
    pub(crate) fn iter<'a>(&self, bookings: &'a Bookings) -> impl Iterator<Item = u32> + 'a {
        self.queue.iter(bookings)
    }
}
