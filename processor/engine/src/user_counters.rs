//! Places that each user holds and owns, per event.

use onsale_schemas::UserId;

use crate::bookings::Bookings;
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
}

impl Default for UserCounter {
    fn default() -> Self {
        Self {
            user: UserId::from_bytes([0; 16]),
            event: NONE,
            places: 0,
            head: NONE,
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
}

impl UserCounters {
    pub(crate) fn new() -> Self {
        Self {
            counters: Pages::new(),
            made: 0,
            free: NONE,
            index: Index::new(),
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

    /// Asks the memory for what [`UserCounters::find`] looks at first.
    #[inline]
    pub(crate) fn fetch_entry(&self, event: u32, user: &UserId) {
        self.index.fetch(hash::id_within(event, user.as_bytes()));
    }

    /// Counts a new booking that is about to be put into the slot `booking`; `known` is what
    /// [`UserCounters::find`] said. Gives the counter and the user's booking before this one.
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

    /// A booking is forgotten; with the last one goes the counter.
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
        *counter = UserCounter {
            places: self.free,
            ..UserCounter::default()
        };
        self.free = slot;
        let removed = self.index.remove(hash, slot);
        debug_assert!(removed, "every counter is indexed");
    }

    /// Slots in use.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.made).filter(|&slot| self.get(slot).event != NONE)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.counters.memory_bytes() + self.index.memory_bytes()
    }
}
