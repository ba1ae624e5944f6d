//! When holds expire.
//!
//! Log time never goes back, so holds of the same length expire in the order in which they were
//! created: a *lane*, a queue of slots, per length. Insertion is at the tail and removal clears a
//! bit, both in constant time, and lanes have no cascades, which in a timing wheel move a whole
//! slot at once. Holds that break their lane's order (extended ones) and holds of rare lengths when
//! all lanes are taken go to a heap.
//!
//! Where a hold waits is invisible: holds are popped strictly by (end, offset).

use onsale_schemas::{LogTimeMs, Offset};

use crate::bookings::{Bookings, State};
use crate::heap::{Heap, IN_HEAP};
use crate::index::NONE;
use crate::queue::{Chunks, Queue};

/// Lengths of holds that get a lane of their own at a time.
const LANES_MAX: usize = 64;

#[derive(Clone, Default)]
struct Lane {
    hold_ms: u32,
    queue: Queue,
    /// Key of the head; all lanes are scanned for the least, so it is kept here.
    first: (LogTimeMs, Offset),
    /// Key of the hold that was added last, whether it is still there or not.
    last: (LogTimeMs, Offset),
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Expiry {
    lanes: Vec<Lane>,
    chunks: Chunks,
    heap: Heap,
    /// No hold ends before this.
    quiet_until_ms: LogTimeMs,
    len: u32,
}

impl Expiry {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Vec::new(),
            chunks: Chunks::new(),
            heap: Heap::new(),
            quiet_until_ms: LogTimeMs::MAX,
            len: 0,
        }
    }

    /// Queues all holds of the table again; none of them is linked.
    pub(crate) fn restore(bookings: &mut Bookings) -> Self {
        let mut waiting: Vec<((LogTimeMs, Offset), u32)> = bookings
            .slots()
            .map(|slot| (bookings.get(slot), slot))
            .filter(|(booking, _)| booking.state == State::Reserved)
            .map(|(booking, slot)| (booking.expiry_key(), slot))
            .collect();
        waiting.sort_unstable();
        let mut expiry = Self::new();
        for (_, slot) in waiting {
            expiry.insert(bookings, slot);
        }
        expiry
    }

    /// Holds that wait.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Adds a hold that is linked to nothing.
    #[inline]
    pub(crate) fn insert(&mut self, bookings: &mut Bookings, slot: u32) {
        let booking = bookings.get(slot);
        let key = booking.expiry_key();
        let hold_ms = booking.hold_ms;
        self.len += 1;
        self.quiet_until_ms = self.quiet_until_ms.min(key.0);
        if let Some(at) = self.lane_for(hold_ms)
            && let Some(lane) = self.lanes.get_mut(at)
            && (lane.queue.is_empty() || lane.last < key)
        {
            if lane.queue.is_empty() {
                lane.hold_ms = hold_ms;
                lane.first = key;
            }
            lane.last = key;
            let place = self.chunks.push_back(&mut lane.queue, slot);
            bookings.get_mut(slot).links = [place, NONE];
        } else {
            self.heap.insert(bookings, slot);
        }
    }

    /// The lane of that length, or an empty one, or a new one.
    #[inline]
    fn lane_for(&mut self, hold_ms: u32) -> Option<usize> {
        match self.lanes.iter().position(|lane| lane.hold_ms == hold_ms) {
            None => self.new_lane(),
            found => found,
        }
    }

    #[cold]
    fn new_lane(&mut self) -> Option<usize> {
        if let Some(empty) = self.lanes.iter().position(|lane| lane.queue.is_empty()) {
            return Some(empty);
        }
        (self.lanes.len() < LANES_MAX).then(|| {
            self.lanes.push(Lane::default());
            self.lanes.len() - 1
        })
    }

    /// Takes a waiting hold out.
    #[inline]
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        self.len -= 1;
        let booking = bookings.get(slot);
        let [place, kind] = booking.links;
        if kind == IN_HEAP {
            self.heap.remove(bookings, slot);
            return;
        }
        let hold_ms = booking.hold_ms;
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.hold_ms == hold_ms) else {
            debug_assert!(false, "a waiting hold is in the heap or in its lane");
            return;
        };
        let was_first = lane.first == booking.expiry_key();
        self.chunks.remove(&mut lane.queue, place);
        if was_first && let Some(front) = self.chunks.front(&lane.queue) {
            lane.first = bookings.get(front).expiry_key();
        }
    }

    fn first(&self) -> Option<((LogTimeMs, Offset), u32)> {
        self.lanes
            .iter()
            .filter_map(|lane| Some((lane.first, self.chunks.front(&lane.queue)?)))
            .chain(self.heap.first())
            .min()
    }

    /// True when no hold ends by now, without looking at any.
    #[inline]
    pub(crate) fn is_quiet(&self, now: LogTimeMs) -> bool {
        now < self.quiet_until_ms
    }

    /// The hold that ends first if it ends now or earlier.
    #[inline]
    pub(crate) fn first_due(&mut self, now: LogTimeMs) -> Option<u32> {
        if self.is_quiet(now) {
            return None;
        }
        match self.first() {
            Some(((expires_at_ms, _), slot)) if expires_at_ms <= now => Some(slot),
            first => {
                self.quiet_until_ms = first.map_or(LogTimeMs::MAX, |((at, _), _)| at);
                None
            }
        }
    }

    /// When the next hold ends.
    pub(crate) fn next_ms(&self) -> Option<LogTimeMs> {
        self.first().map(|((at, _), _)| at)
    }

    /// Slots of each lane with its length, front to back.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = u32> + '_)> {
        self.lanes
            .iter()
            .map(|lane| (lane.hold_ms, self.chunks.iter(&lane.queue)))
    }

    pub(crate) fn heap(&self) -> &Heap {
        &self.heap
    }

    /// No hold ends before this.
    pub(crate) fn quiet_until_ms(&self) -> LogTimeMs {
        self.quiet_until_ms
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.heap.memory_bytes()
            + self.chunks.memory_bytes()
            + self.lanes.capacity() * size_of::<Lane>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bookings::NewBooking;

    fn hold(bookings: &mut Bookings, offset: u64, at: u64, hold_ms: u32) -> u32 {
        bookings.insert(&NewBooking {
            offset,
            reserved_at_ms: at,
            hold_ms,
            show: 0,
            user: 0,
            user_next: NONE,
            zone: 0,
            quantity: 1,
            unit_price: 0,
            seats: &[],
        })
    }

    proptest! {
        #[test]
        fn pops_by_end_and_offset_whatever_happened(
            steps in proptest::collection::vec((0u8..8, 0u64..50, 0u32..90), 1..600),
        ) {
            let mut bookings = Bookings::new();
            let mut expiry = Expiry::new();
            let mut waiting: Vec<(u64, u64, u32)> = Vec::new();
            let mut now = 0;
            for (offset, (what, time, hold_ms)) in (0u64..).zip(steps) {
                match what {
                    0..=4 => {
                        // More lengths than lanes.
                        let slot = hold(&mut bookings, offset, now, hold_ms + 1);
                        expiry.insert(&mut bookings, slot);
                        waiting.push((now + u64::from(hold_ms) + 1, offset, slot));
                    }
                    5 if !waiting.is_empty() => {
                        let (_, _, slot) = waiting.remove(usize::try_from(time).unwrap() % waiting.len());
                        expiry.remove(&mut bookings, slot);
                        bookings.remove(slot, true);
                    }
                    6 if !waiting.is_empty() => {
                        let i = usize::try_from(time).unwrap() % waiting.len();
                        expiry.remove(&mut bookings, waiting[i].2);
                        bookings.get_mut(waiting[i].2).hold_ms += hold_ms;
                        waiting[i].0 += u64::from(hold_ms);
                        expiry.insert(&mut bookings, waiting[i].2);
                    }
                    _ => {
                        now += time;
                        waiting.sort_unstable();
                        while let Some(slot) = expiry.first_due(now) {
                            prop_assert!(waiting[0].0 <= now);
                            prop_assert_eq!(waiting.remove(0).2, slot);
                            expiry.remove(&mut bookings, slot);
                            bookings.remove(slot, true);
                        }
                    }
                }
                prop_assert_eq!(expiry.len() as usize, waiting.len());
                prop_assert_eq!(expiry.next_ms(), waiting.iter().map(|w| w.0).min());
                prop_assert_eq!(expiry.heap().disorder(), None);
            }
        }
    }
}
