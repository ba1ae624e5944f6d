//! Doubly linked lists through the records of [`Bookings`]: constant-time removal from the middle
//! without any memory of their own.

use std::marker::PhantomData;

use crate::bookings::{Booking, Bookings};
use crate::index::NONE;

/// Which pair of links of a record a list goes through: `[previous, next]`.
pub(crate) trait Links: Clone {
    fn of(booking: &Booking) -> [u32; 2];
    fn of_mut(booking: &mut Booking) -> &mut [u32; 2];
}

/// Lanes of holds and queues of ended bookings; a record is in one of them at most.
#[derive(Clone)]
pub(crate) struct QueueLinks;

impl Links for QueueLinks {
    #[inline]
    fn of(booking: &Booking) -> [u32; 2] {
        booking.links
    }
    #[inline]
    fn of_mut(booking: &mut Booking) -> &mut [u32; 2] {
        &mut booking.links
    }
}

/// All bookings of a show.
#[derive(Clone)]
pub(crate) struct ShowLinks;

impl Links for ShowLinks {
    #[inline]
    fn of(booking: &Booking) -> [u32; 2] {
        booking.show_links
    }
    #[inline]
    fn of_mut(booking: &mut Booking) -> &mut [u32; 2] {
        &mut booking.show_links
    }
}

/// A list.
#[derive(Clone)]
pub(crate) struct List<L> {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    links: PhantomData<fn() -> L>,
}

impl<L: Links> Default for List<L> {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            links: PhantomData,
        }
    }
}

impl<L: Links> List<L> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    #[inline]
    pub(crate) fn next(bookings: &Bookings, slot: u32) -> u32 {
        L::of(bookings.get(slot))[1]
    }

    #[inline]
    pub(crate) fn push_back(&mut self, bookings: &mut Bookings, slot: u32) {
        *L::of_mut(bookings.get_mut(slot)) = [self.tail, NONE];
        if self.tail == NONE {
            self.head = slot;
        } else {
            L::of_mut(bookings.get_mut(self.tail))[1] = slot;
        }
        self.tail = slot;
    }

    #[inline]
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        let links = L::of_mut(bookings.get_mut(slot));
        let [previous, next] = *links;
        *links = [NONE; 2];
        if previous == NONE {
            self.head = next;
        } else {
            L::of_mut(bookings.get_mut(previous))[1] = next;
        }
        if next == NONE {
            self.tail = previous;
        } else {
            L::of_mut(bookings.get_mut(next))[0] = previous;
        }
    }

    /// Slots from front to back.
    pub(crate) fn iter<'a>(&self, bookings: &'a Bookings) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.head;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let slot = at;
                at = Self::next(bookings, slot);
                slot
            })
        })
    }
}
