//! Doubly linked lists through the records of [`Bookings`] (`links`): constant-time removal from
//! the middle without any memory of their own.

use crate::bookings::Bookings;
use crate::index::NONE;

/// A list. A record is in one list at most.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
        }
    }
}

impl List {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    #[inline]
    pub(crate) fn push_back(&mut self, bookings: &mut Bookings, slot: u32) {
        bookings.get_mut(slot).links = [self.tail, NONE];
        if self.tail == NONE {
            self.head = slot;
        } else {
            bookings.get_mut(self.tail).links[1] = slot;
        }
        self.tail = slot;
    }

    #[inline]
    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        let links = &mut bookings.get_mut(slot).links;
        let [previous, next] = *links;
        *links = [NONE; 2];
        if previous == NONE {
            self.head = next;
        } else {
            bookings.get_mut(previous).links[1] = next;
        }
        if next == NONE {
            self.tail = previous;
        } else {
            bookings.get_mut(next).links[0] = previous;
        }
    }

    /// Slots from front to back.
    pub(crate) fn iter<'a>(&self, bookings: &'a Bookings) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.head;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let slot = at;
                [_, at] = bookings.get(slot).links;
                slot
            })
        })
    }
}
