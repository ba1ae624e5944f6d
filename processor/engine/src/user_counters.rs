//! Places that each user holds and owns, per event.

use onsale_schemas::{LogTimeMs, UserId};

use crate::bookings::Bookings;
use crate::cooldown::{Cooldowns, Unpaid};
use crate::hash;
use crate::index::{Index, NONE};
use crate::pages::Pages;

/// One user at one event.
#[derive(Clone, Copy)]
pub(crate) struct UserCounter {
    pub(crate) user: UserId,
    /// Slot of the event; `NONE` when the counter is vacant.
    pub(crate) event: u32,
    /// Places held and owned now.
    pub(crate) places: u32,
    /// The latest of the user's bookings in the table, ended ones included. With the last one goes
    /// the counter.
    pub(crate) head: u32,
    /// Slot of what is known about holds that ended unpaid; `NONE` when there is nothing.
    pub(crate) unpaid: u32,
}

impl Default for UserCounter {
    fn default() -> Self {
        Self {
            user: UserId::from_bytes([0; 16]),
            event: NONE,
            places: 0,
            head: NONE,
            unpaid: NONE,
        }
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct UserCounters {
    counters: Pages<UserCounter, 128>,
    made: u32,
    /// First vacant counter; the next one stands in its `places`.
    free: u32,
    index: Index,
    unpaid: Cooldowns,
}

impl UserCounters {
    pub(crate) fn new() -> Self {
        Self {
            counters: Pages::new(),
            made: 0,
            free: NONE,
            index: Index::new(),
            unpaid: Cooldowns::new(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.index.len()
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &UserCounter {
        self.counters.get(slot)
    }

    #[inline]
    pub(crate) fn find(&self, event: u32, user: &UserId) -> Option<u32> {
        self.index
            .find(hash::id_within(event, user.as_bytes()), |slot| {
                let counter = self.counters.get(slot);
                counter.user == *user && counter.event == event
            })
    }

    /// Asks the memory for a counter.
    #[inline]
    pub(crate) fn fetch(&self, slot: u32) {
        self.counters.fetch(slot);
    }

    /// Prefetches what [`UserCounters::find`] reads first.
    #[inline]
    pub(crate) fn fetch_entry(&self, event: u32, user: &UserId) {
        self.index.fetch(hash::id_within(event, user.as_bytes()));
    }

    /// Counts a new booking that is about to be put into the slot `booking`; `known` is the result
    /// of [`UserCounters::find`]. Returns the counter and the user's previous booking.
    #[inline]
    pub(crate) fn book(
        &mut self,
        known: Option<u32>,
        event: u32,
        user: &UserId,
        places: u32,
        booking: u32,
    ) -> (u32, u32) {
        if let Some(slot) = known {
            let counter = self.counters.get_mut(slot);
            counter.places += places;
            return (slot, std::mem::replace(&mut counter.head, booking));
        }
        let slot = if self.free == NONE {
            let slot = self.made;
            self.made += 1;
            self.counters.grow_to(slot);
            slot
        } else {
            let slot = self.free;
            self.free = self.counters.get(slot).places;
            slot
        };
        *self.counters.get_mut(slot) = UserCounter {
            user: *user,
            event,
            places,
            head: booking,
            unpaid: NONE,
        };
        let counters = &self.counters;
        self.index
            .insert(hash::id_within(event, user.as_bytes()), slot, |older| {
                let older = counters.get(older);
                hash::id_within(older.event, older.user.as_bytes())
            });
        (slot, NONE)
    }

    /// Places of a revived booking.
    #[inline]
    pub(crate) fn add_places(&mut self, slot: u32, places: u32) {
        self.counters.get_mut(slot).places += places;
    }

    /// Places of a booking that ended.
    #[inline]
    pub(crate) fn subtract_places(&mut self, slot: u32, places: u32) {
        let counter = self.counters.get_mut(slot);
        debug_assert!(
            counter.places >= places,
            "a counter covers its live bookings"
        );
        counter.places = counter.places.saturating_sub(places);
    }

    /// Forgets a booking, and with the last one the counter.
    pub(crate) fn forget_booking(&mut self, bookings: &mut Bookings, booking: u32) {
        let record = bookings.get(booking);
        let slot = record.user;
        let [previous, next] = record.user_links;
        let counter = self.counters.get_mut(slot);
        if previous == NONE {
            counter.head = next;
        } else {
            bookings.get_mut(previous).user_links[1] = next;
        }
        if next != NONE {
            bookings.get_mut(next).user_links[0] = previous;
        }
        if counter.head != NONE {
            return;
        }
        let hash = hash::id_within(counter.event, counter.user.as_bytes());
        let unpaid = counter.unpaid;
        *counter = UserCounter {
            places: self.free,
            ..UserCounter::default()
        };
        self.free = slot;
        let removed = self.index.remove(hash, slot);
        debug_assert!(removed, "every counter is indexed");
        if unpaid != NONE {
            self.unpaid.remove(unpaid);
        }
    }

    /// What is known about holds of the user that ended unpaid, forgotten or not.
    pub(crate) fn unpaid(&self, slot: u32) -> Option<&Unpaid> {
        let at = self.counters.get(slot).unpaid;
        (at != NONE).then(|| self.unpaid.get(at))
    }

    /// Until when the user of the counter may not reserve; 0 when there never was a cool-down.
    #[inline]
    pub(crate) fn cooling_until_ms(&self, slot: u32) -> LogTimeMs {
        let at = self.counters.get(slot).unpaid;
        if at == NONE {
            return 0;
        }
        self.unpaid.get(at).until_ms
    }

    /// Counts a hold that ended unpaid.
    pub(crate) fn count_unpaid(&mut self, slot: u32, cooldown_ms: u32, now: LogTimeMs) {
        let mut known = self.unpaid(slot).copied().unwrap_or_default();
        known.count_one(cooldown_ms, now);
        self.put_unpaid(slot, known);
    }

    /// Replaces what a counter knows about unpaid holds.
    pub(crate) fn put_unpaid(&mut self, slot: u32, unpaid: Unpaid) {
        let unpaid = Unpaid {
            counter: slot,
            ..unpaid
        };
        let at = self.counters.get(slot).unpaid;
        if at == NONE {
            self.counters.get_mut(slot).unpaid = self.unpaid.insert(unpaid);
        } else {
            *self.unpaid.get_mut(at) = unpaid;
        }
    }

    /// The user has paid: earlier unpaid holds no longer count.
    #[inline]
    pub(crate) fn clear_unpaid(&mut self, slot: u32) {
        if self.counters.get(slot).unpaid != NONE {
            self.drop_unpaid(slot);
        }
    }

    #[cold]
    fn drop_unpaid(&mut self, slot: u32) {
        let at = std::mem::replace(&mut self.counters.get_mut(slot).unpaid, NONE);
        self.unpaid.remove(at);
    }

    /// Forgets the unpaid holds that are past their time at `now`, and moves later times of the
    /// others to `to`.
    pub(crate) fn turn_back(&mut self, now: LogTimeMs, to: LogTimeMs) {
        for at in 0..self.unpaid.made() {
            let mut known = *self.unpaid.get(at);
            if known.counter == NONE {
                continue;
            }
            if known.is_forgotten(now) {
                self.drop_unpaid(known.counter);
            } else if known.turn_back(to) {
                *self.unpaid.get_mut(at) = known;
            }
        }
    }

    /// What is known about unpaid holds, forgotten or not, in no particular order.
    pub(crate) fn all_unpaid(&self) -> impl Iterator<Item = &Unpaid> {
        (0..self.unpaid.made())
            .map(|at| self.unpaid.get(at))
            .filter(|known| known.counter != NONE)
    }

    /// Slots in use.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.made).filter(|&slot| self.get(slot).event != NONE)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.counters.memory_bytes() + self.index.memory_bytes() + self.unpaid.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_lies_in_one_cache_line() {
        assert_eq!(size_of::<UserCounter>(), 32);
    }
}
