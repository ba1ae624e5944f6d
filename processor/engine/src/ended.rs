//! Bookings that ended and are not forgotten yet, each queue in order of the end.
//!
//! Voided bookings have a queue of their own: they end when their show is cancelled but get here
//! only when it is drained, and one queue for all would not be in order.

use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
use onsale_schemas::{LogTimeMs, Offset};

use crate::bookings::{Bookings, State};
use crate::index::NONE;
use crate::list::{List, QueueLinks};

/// The queues.
#[derive(Clone, Default)]
pub(crate) struct Ended {
    one_by_one: List<QueueLinks>,
    voided: List<QueueLinks>,
    pub(crate) len: u32,
}

/// True when a booking that ended then is forgotten now, swept or not.
#[inline]
pub(crate) fn is_forgotten(ended_at_ms: LogTimeMs, now: LogTimeMs) -> bool {
    now.saturating_sub(ended_at_ms) >= ENDED_BOOKING_KEPT_MS
}

impl Ended {
    fn queue(&mut self, state: State) -> &mut List<QueueLinks> {
        if state == State::Voided {
            &mut self.voided
        } else {
            &mut self.one_by_one
        }
    }

    /// Adds a booking that has just become an ended one.
    pub(crate) fn push(&mut self, bookings: &mut Bookings, slot: u32) {
        let state = bookings.get(slot).state;
        self.queue(state).push_back(bookings, slot);
        self.len += 1;
    }

    /// Takes a booking out: it is revived or forgotten.
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        let state = bookings.get(slot).state;
        self.queue(state).remove(bookings, slot);
        self.len -= 1;
    }

    /// A booking that is to be forgotten by now: the one that ended first.
    #[inline]
    pub(crate) fn forgettable(&self, bookings: &Bookings, now: LogTimeMs) -> Option<u32> {
        let mut best: Option<(LogTimeMs, u32)> = None;
        for slot in [self.one_by_one.head, self.voided.head] {
            if slot == NONE {
                continue;
            }
            let ended_at_ms = bookings.get(slot).ended_at_ms();
            if is_forgotten(ended_at_ms, now) && best.is_none_or(|(at, _)| ended_at_ms < at) {
                best = Some((ended_at_ms, slot));
            }
        }
        best.map(|(_, slot)| slot)
    }

    /// Rebuilds the queues from unlinked records.
    pub(crate) fn restore(bookings: &mut Bookings, slots: &[u32]) -> Self {
        let mut order: Vec<(LogTimeMs, Offset, u32)> = slots
            .iter()
            .map(|&slot| {
                (
                    bookings.get(slot).ended_at_ms(),
                    bookings.get(slot).offset,
                    slot,
                )
            })
            .collect();
        order.sort_unstable();
        let mut ended = Self::default();
        for (_, _, slot) in order {
            ended.push(bookings, slot);
        }
        ended
    }

    /// Slots of all queues, each in its order.
    pub(crate) fn queues<'a>(&self, bookings: &'a Bookings) -> [impl Iterator<Item = u32> + 'a; 2] {
        [self.one_by_one.iter(bookings), self.voided.iter(bookings)]
    }
}
