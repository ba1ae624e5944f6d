//! A four-way heap of holds by (end, offset), for those whose end is not in the order of their
//! lane. Each record knows its place (`links[0]`), so it can be taken out from the middle.

use onsale_schemas::{LogTimeMs, Offset};

use crate::bookings::Bookings;
use crate::pages::Pages;

const WAYS: u32 = 4;
/// In `links[1]` of a record that is in the heap and not in a lane.
pub(crate) const IN_HEAP: u32 = u32::MAX - 1;

/// Key and slot; the key is here so that a comparison reads no record.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    expires_at_ms: LogTimeMs,
    offset: Offset,
    slot: u32,
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Heap {
    items: Pages<Item, 64>,
    len: u32,
}

impl Heap {
    pub(crate) fn new() -> Self {
        Self {
            items: Pages::new(),
            len: 0,
        }
    }

    /// Key and slot of the hold that ends first.
    #[inline]
    pub(crate) fn first(&self) -> Option<((LogTimeMs, Offset), u32)> {
        (self.len > 0).then(|| {
            let item = self.items.get(0);
            ((item.expires_at_ms, item.offset), item.slot)
        })
    }

    pub(crate) fn insert(&mut self, bookings: &mut Bookings, slot: u32) {
        let booking = bookings.get_mut(slot);
        booking.links[1] = IN_HEAP;
        let item = Item {
            expires_at_ms: booking.expires_at_ms(),
            offset: booking.offset,
            slot,
        };
        let at = self.len;
        self.len += 1;
        self.items.grow_to(at);
        self.rise(bookings, at, item);
    }

    pub(crate) fn remove(&mut self, bookings: &mut Bookings, slot: u32) {
        let at = bookings.get(slot).links[0];
        bookings.get_mut(slot).links = [crate::index::NONE; 2];
        self.len -= 1;
        if at == self.len {
            return;
        }
        let moved = *self.items.get(self.len);
        if at > 0 && moved < *self.items.get((at - 1) / WAYS) {
            self.rise(bookings, at, moved);
        } else {
            self.sink(bookings, at, moved);
        }
    }

    fn place(&mut self, bookings: &mut Bookings, at: u32, item: Item) {
        *self.items.get_mut(at) = item;
        bookings.get_mut(item.slot).links[0] = at;
    }

    fn rise(&mut self, bookings: &mut Bookings, mut at: u32, item: Item) {
        while at > 0 {
            let above = (at - 1) / WAYS;
            let parent = *self.items.get(above);
            if parent <= item {
                break;
            }
            self.place(bookings, at, parent);
            at = above;
        }
        self.place(bookings, at, item);
    }

    fn sink(&mut self, bookings: &mut Bookings, mut at: u32, item: Item) {
        loop {
            let first = at * WAYS + 1;
            let last = (first + WAYS).min(self.len);
            let Some(least) = (first..last).min_by_key(|&child| *self.items.get(child)) else {
                break;
            };
            let child = *self.items.get(least);
            if item <= child {
                break;
            }
            self.place(bookings, at, child);
            at = least;
        }
        self.place(bookings, at, item);
    }

    /// Slots in the heap's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len).map(|at| self.items.get(at).slot)
    }

    /// The first place where a parent is not before its child.
    pub(crate) fn disorder(&self) -> Option<u32> {
        (1..self.len).find(|&at| self.items.get(at) <= self.items.get((at - 1) / WAYS))
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.items.memory_bytes()
    }
}
