//! Queues of slots in chunks: what is pushed at the back can be removed anywhere, in constant time
//! and without touching its neighbours.
//!
//! A linked list through the records would need no extra memory, but removing a record from its
//! middle writes to two others, which in a large table means two waits for memory. Here removal
//! clears a bit, and the bits of 64 slots share a word. A chunk is freed as soon as its last slot
//! leaves, wherever in its queue it is, so popping at the front never searches.

use crate::index::NONE;
use crate::pages::Pages;

/// Slots of one chunk: a bit of a word for each.
const CHUNK_SLOTS: u32 = u64::BITS;

#[derive(Clone, Copy)]
struct Head {
    /// Which slots are still queued.
    live: u64,
    previous: u32,
    /// The next chunk of the queue, or of the free ones.
    next: u32,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            live: 0,
            previous: NONE,
            next: NONE,
        }
    }
}

/// Chunks of any number of queues.
#[derive(Clone)]
pub(crate) struct Chunks {
    heads: Pages<Head, 64>,
    slots: Pages<u32, 1_024>,
    made: u32,
    free: u32,
}

/// One queue in [`Chunks`].
#[derive(Clone)]
pub(crate) struct Queue {
    first: u32,
    last: u32,
    /// Places of the last chunk that were given out.
    used: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            used: CHUNK_SLOTS,
        }
    }
}

impl Queue {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self {
            heads: Pages::new(),
            slots: Pages::new(),
            made: 0,
            free: NONE,
        }
    }

    /// Adds a slot at the back and returns the place by which it can be removed.
    #[inline]
    pub(crate) fn push_back(&mut self, queue: &mut Queue, slot: u32) -> u32 {
        if queue.used == CHUNK_SLOTS {
            self.begin_chunk(queue);
        }
        let place = queue.last * CHUNK_SLOTS + queue.used;
        self.heads.get_mut(queue.last).live |= 1 << queue.used;
        *self.slots.get_mut(place) = slot;
        queue.used += 1;
        place
    }

    #[cold]
    fn begin_chunk(&mut self, queue: &mut Queue) {
        let fresh = if self.free == NONE {
            let fresh = self.made;
            self.made += 1;
            self.heads.grow_to(fresh);
            self.slots.grow_to((fresh + 1) * CHUNK_SLOTS - 1);
            fresh
        } else {
            let fresh = self.free;
            self.free = self.heads.get(fresh).next;
            fresh
        };
        *self.heads.get_mut(fresh) = Head {
            live: 0,
            previous: queue.last,
            next: NONE,
        };
        if queue.last == NONE {
            queue.first = fresh;
        } else {
            self.heads.get_mut(queue.last).next = fresh;
        }
        queue.last = fresh;
        queue.used = 0;
    }

    /// Removes what was put at that place of that queue.
    #[inline]
    pub(crate) fn remove(&mut self, queue: &mut Queue, place: u32) {
        let chunk = place / CHUNK_SLOTS;
        let head = self.heads.get_mut(chunk);
        let bit = 1 << (place % CHUNK_SLOTS);
        debug_assert!(head.live & bit != 0, "the place is taken");
        head.live &= !bit;
        if head.live == 0 {
            self.end_chunk(queue, chunk);
        }
    }

    #[cold]
    fn end_chunk(&mut self, queue: &mut Queue, chunk: u32) {
        let Head { previous, next, .. } = *self.heads.get(chunk);
        if previous == NONE {
            queue.first = next;
        } else {
            self.heads.get_mut(previous).next = next;
        }
        if next == NONE {
            queue.last = previous;
            queue.used = CHUNK_SLOTS;
        } else {
            self.heads.get_mut(next).previous = previous;
        }
        self.heads.get_mut(chunk).next = self.free;
        self.free = chunk;
    }

    /// The slot in front.
    #[inline]
    pub(crate) fn front(&self, queue: &Queue) -> Option<u32> {
        (queue.first != NONE).then(|| {
            let bit = self.heads.get(queue.first).live.trailing_zeros();
            *self.slots.get(queue.first * CHUNK_SLOTS + bit)
        })
    }

    /// Slots from front to back.
    pub(crate) fn iter<'a>(&'a self, queue: &Queue) -> impl Iterator<Item = u32> + 'a {
        let mut chunk = queue.first;
        let mut live = self.live_of(chunk);
        std::iter::from_fn(move || {
            if chunk == NONE {
                return None;
            }
            let place = chunk * CHUNK_SLOTS + live.trailing_zeros();
            live &= live - 1;
            if live == 0 {
                chunk = self.heads.get(chunk).next;
                live = self.live_of(chunk);
            }
            Some(*self.slots.get(place))
        })
    }

    fn live_of(&self, chunk: u32) -> u64 {
        if chunk == NONE {
            0
        } else {
            self.heads.get(chunk).live
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.heads.memory_bytes() + self.slots.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_plain_lists(steps in proptest::collection::vec((0u8..5, 0usize..2, any::<usize>()), 1..1_500)) {
            let mut chunks = Chunks::new();
            let mut queues = [Queue::default(), Queue::default()];
            let mut plain: [Vec<(u32, u32)>; 2] = [Vec::new(), Vec::new()];
            for (slot, (what, which, at)) in (0u32..).zip(steps) {
                let (queue, plain) = (&mut queues[which], &mut plain[which]);
                if what < 3 {
                    let place = chunks.push_back(queue, slot);
                    plain.push((place, slot));
                } else if !plain.is_empty() {
                    let at = if what == 3 { 0 } else { at % plain.len() };
                    chunks.remove(queue, plain.remove(at).0);
                }
                prop_assert_eq!(queue.is_empty(), plain.is_empty());
                prop_assert_eq!(chunks.front(queue), plain.first().map(|&(_, slot)| slot));
                let slots: Vec<u32> = chunks.iter(queue).collect();
                let expected: Vec<u32> = plain.iter().map(|&(_, slot)| slot).collect();
                prop_assert_eq!(slots, expected);
            }
            let most = u32::try_from(plain.iter().map(Vec::len).sum::<usize>()).unwrap();
            let mut free = 0;
            let mut at = chunks.free;
            while at != NONE {
                free += 1;
                at = chunks.heads.get(at).next;
            }
            prop_assert!(chunks.made - free <= most);
        }
    }
}
