//! Bookings that were released, returned or expired and are not forgotten yet, in the order in
//! which they ended.

use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
use onsale_schemas::{LogTimeMs, Offset};

use crate::bookings::Bookings;
use crate::index::NONE;
use crate::queue::{Chunks, Queue};

/// The queue.
#[derive(Clone)]
pub(crate) struct Ended {
    chunks: Chunks,
    queue: Queue,
    pub(crate) len: u32,
    /// No booking is to be forgotten before this.
    quiet_until_ms: LogTimeMs,
}

/// True when a booking that ended then is forgotten now, swept or not.
#[inline]
pub(crate) fn is_forgotten(ended_at_ms: LogTimeMs, now: LogTimeMs) -> bool {
    now.saturating_sub(ended_at_ms) >= ENDED_BOOKING_KEPT_MS
}

impl Ended {
    pub(crate) fn new() -> Self {
        Self {
            chunks: Chunks::new(),
            queue: Queue::default(),
            len: 0,
            quiet_until_ms: LogTimeMs::MAX,
        }
    }

    /// Adds a booking that has just become an ended one.
    #[inline]
    pub(crate) fn push(&mut self, bookings: &mut Bookings, slot: u32) {
        let place = self.chunks.push_back(&mut self.queue, slot);
        let record = bookings.get_mut(slot);
        record.links = [place, NONE];
        let forgotten_at_ms = record.ended_at_ms().saturating_add(ENDED_BOOKING_KEPT_MS);
        self.quiet_until_ms = self.quiet_until_ms.min(forgotten_at_ms);
        self.len += 1;
    }

    /// Takes a booking out: it is revived or forgotten.
    #[inline]
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        let [place, _] = bookings.get(slot).links;
        self.chunks.remove(&mut self.queue, place);
        self.len -= 1;
    }

    /// True when no booking is to be forgotten by now, without looking at any.
    #[inline]
    pub(crate) fn is_quiet(&self, now: LogTimeMs) -> bool {
        now < self.quiet_until_ms
    }

    /// A booking that is to be forgotten by now: the one that ended first.
    #[inline]
    pub(crate) fn forgettable(&mut self, bookings: &Bookings, now: LogTimeMs) -> Option<u32> {
        if self.is_quiet(now) {
            return None;
        }
        let Some(slot) = self.chunks.front(&self.queue) else {
            self.quiet_until_ms = LogTimeMs::MAX;
            return None;
        };
        let ended_at_ms = bookings.get(slot).ended_at_ms();
        if is_forgotten(ended_at_ms, now) {
            return Some(slot);
        }
        self.quiet_until_ms = ended_at_ms.saturating_add(ENDED_BOOKING_KEPT_MS);
        None
    }

    /// Moves ends of bookings that are later than `to` to `to`.
    pub(crate) fn turn_back(&mut self, bookings: &mut Bookings, to: LogTimeMs) {
        for slot in self.chunks.iter(&self.queue) {
            if bookings.get(slot).ended_at_ms() > to {
                bookings.get_mut(slot).set_ended_at_ms(to);
            }
        }
        let forgotten_at_ms = to.saturating_add(ENDED_BOOKING_KEPT_MS);
        self.quiet_until_ms = self.quiet_until_ms.min(forgotten_at_ms);
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
        let mut ended = Self::new();
        for (_, _, slot) in order {
            ended.push(bookings, slot);
        }
        ended
    }

    /// Slots in the order of the queue.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.iter(&self.queue)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.memory_bytes()
    }
}
