//! Holds that users let end unpaid in a row, per event, and the cool-downs that follow.
//!
//! Few users have any, so they are kept beside the counters, which every reservation reads.

use onsale_schemas::LogTimeMs;
use onsale_schemas::limits::{
    COOLDOWN_DOUBLINGS_MAX, COOLDOWN_MAX_MS, ENDED_BOOKING_KEPT_MS, UNPAID_HOLDS_FREE,
};

use crate::ended::is_forgotten;
use crate::index::NONE;
use crate::pages::Pages;

/// Most unpaid holds in a row that are counted.
pub(crate) const UNPAID_MAX: u8 = UNPAID_HOLDS_FREE + 1 + COOLDOWN_DOUBLINGS_MAX;
/// Longest cool-down, in milliseconds.
pub(crate) const COOLDOWN_LONGEST_MS: u64 = (COOLDOWN_MAX_MS as u64) << COOLDOWN_DOUBLINGS_MAX;

// A cool-down never outlasts the count that it follows from, so nothing has to check whether it is
// forgotten.
const _: () = assert!(COOLDOWN_LONGEST_MS <= ENDED_BOOKING_KEPT_MS);

/// What is known about one user at one event.
#[derive(Clone, Copy)]
pub(crate) struct Unpaid {
    /// Slot of the user's counter; `NONE` when vacant.
    pub(crate) counter: u32,
    /// The next vacant one.
    pub(crate) next: u32,
    /// When the last of the holds ended.
    pub(crate) last_at_ms: LogTimeMs,
    /// Until when the user may not reserve; 0 when there was no cool-down since the last payment.
    pub(crate) until_ms: LogTimeMs,
    /// Holds in a row.
    pub(crate) count: u8,
}

impl Default for Unpaid {
    fn default() -> Self {
        Self {
            counter: NONE,
            next: NONE,
            last_at_ms: 0,
            until_ms: 0,
            count: 0,
        }
    }
}

impl Unpaid {
    /// True when it is forgotten now, whether it is still there or not.
    #[inline]
    pub(crate) fn is_forgotten(&self, now: LogTimeMs) -> bool {
        is_forgotten(self.last_at_ms, now)
    }

    /// Counts one more, of a show with that cool-down.
    pub(crate) fn count_one(&mut self, cooldown_ms: u32, now: LogTimeMs) {
        let (count, until_ms) = if self.is_forgotten(now) {
            (0, 0)
        } else {
            (self.count, self.until_ms)
        };
        self.count = count.saturating_add(1).min(UNPAID_MAX);
        self.last_at_ms = now;
        self.until_ms = match self.count.checked_sub(UNPAID_HOLDS_FREE + 1) {
            // Of shows of one event with different cool-downs the latest end counts.
            Some(doublings) => {
                until_ms.max(now.saturating_add(u64::from(cooldown_ms) << doublings))
            }
            None => until_ms,
        };
    }

    /// Moves times that are later than possible at `to`. True when there were any.
    pub(crate) fn turn_back(&mut self, to: LogTimeMs) -> bool {
        let before = (self.last_at_ms, self.until_ms);
        self.last_at_ms = self.last_at_ms.min(to);
        self.until_ms = self.until_ms.min(to.saturating_add(COOLDOWN_LONGEST_MS));
        before != (self.last_at_ms, self.until_ms)
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct Cooldowns {
    cells: Pages<Unpaid, 64>,
    made: u32,
    free: u32,
}

impl Cooldowns {
    pub(crate) fn new() -> Self {
        Self {
            cells: Pages::new(),
            made: 0,
            free: NONE,
        }
    }

    /// Slots that were ever in use.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> &Unpaid {
        self.cells.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> &mut Unpaid {
        self.cells.get_mut(at)
    }

    pub(crate) fn insert(&mut self, unpaid: Unpaid) -> u32 {
        let at = if self.free == NONE {
            let at = self.made;
            self.made += 1;
            self.cells.grow_to(at);
            at
        } else {
            let at = self.free;
            self.free = self.cells.get(at).next;
            at
        };
        *self.cells.get_mut(at) = unpaid;
        at
    }

    pub(crate) fn remove(&mut self, at: u32) {
        *self.cells.get_mut(at) = Unpaid {
            next: self.free,
            ..Unpaid::default()
        };
        self.free = at;
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.cells.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_free_and_then_it_doubles_three_times() {
        let mut unpaid = Unpaid::default();
        let mut untils = Vec::new();
        for now in 10..17 {
            unpaid.count_one(1_000, now);
            untils.push(unpaid.until_ms.checked_sub(now));
        }
        let expected = [None, Some(1_000), Some(2_000), Some(4_000), Some(8_000)];
        assert_eq!(untils[..5], expected);
        assert_eq!(untils[5..], [Some(8_000), Some(8_000)]);
        assert_eq!(unpaid.count, UNPAID_MAX);
    }

    #[test]
    fn the_latest_counts_and_is_forgotten_to_the_millisecond() {
        let mut unpaid = Unpaid::default();
        for _ in 0..3 {
            unpaid.count_one(100_000, 50);
        }
        assert_eq!(unpaid.until_ms, 200_050);
        unpaid.count_one(1, 60);
        assert_eq!(unpaid.until_ms, 200_050, "the end that is the latest");
        assert!(!unpaid.is_forgotten(59 + ENDED_BOOKING_KEPT_MS));
        unpaid.count_one(7, 60 + ENDED_BOOKING_KEPT_MS);
        assert_eq!((unpaid.count, unpaid.until_ms), (1, 0));
    }

    #[test]
    fn places_are_used_again() {
        let mut table = Cooldowns::new();
        let first = table.insert(Unpaid::default());
        let second = table.insert(Unpaid::default());
        table.remove(first);
        table.remove(second);
        assert_eq!(table.insert(Unpaid::default()), second);
        assert_eq!(table.insert(Unpaid::default()), first);
        assert_eq!(table.made(), 2);
    }
}
