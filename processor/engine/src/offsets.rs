//! Finds the booking of an offset.
//!
//! Bookings are created and touched roughly in the order of the log, so neighbouring offsets share
//! a group, one cache line that holds the slots of fourteen consecutive offsets; only groups are
//! hashed. A new booking mostly finds its group where the one before left off, and the index of the
//! groups is small enough to stay in a cache even when the bookings are not.

use onsale_schemas::Offset;

use crate::hash;
use crate::index::{Index, NONE};
use crate::pages::Pages;

/// As many as share a cache line with the group's number.
const GROUP_OFFSETS: usize = 14;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Group {
    /// The offset of the first slot, divided by [`GROUP_OFFSETS`]; of a vacant group, the next
    /// vacant one.
    number: u64,
    slots: [u32; GROUP_OFFSETS],
}

impl Default for Group {
    fn default() -> Self {
        Self {
            number: 0,
            slots: [NONE; GROUP_OFFSETS],
        }
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Offsets {
    groups: Pages<Group, 64>,
    made: u32,
    free: u32,
    index: Index,
    /// Number and place of the group that was last added to; the place is [`NONE`] when it is gone.
    last: (u64, u32),
    len: u32,
}

#[inline]
fn split(offset: Offset) -> (u64, usize) {
    let within = offset % GROUP_OFFSETS as u64;
    // A remainder of a division by fourteen fits.
    (
        offset / GROUP_OFFSETS as u64,
        usize::try_from(within).unwrap_or(0),
    )
}

impl Offsets {
    pub(crate) fn new() -> Self {
        Self {
            groups: Pages::new(),
            made: 0,
            free: NONE,
            index: Index::new(),
            last: (0, NONE),
            len: 0,
        }
    }

    /// Offsets kept.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    fn group(&self, number: u64) -> Option<u32> {
        self.index.find(hash::number(number), |at| {
            self.groups.get(at).number == number
        })
    }

    /// The slot of an offset.
    #[inline]
    pub(crate) fn find(&self, offset: Offset) -> Option<u32> {
        let (number, within) = split(offset);
        let group = self.groups.get(self.group(number)?);
        Some(group.slots[within]).filter(|&slot| slot != NONE)
    }

    /// Prefetches the group of an offset and returns it, if it may be there.
    #[inline]
    pub(crate) fn fetch(&self, offset: Offset) -> u32 {
        let (number, _) = split(offset);
        let group = self.index.guess(hash::number(number));
        if group != NONE {
            self.groups.fetch(group);
        }
        group
    }

    /// The slot of an offset according to the group that [`Offsets::fetch`] returned, [`NONE`] if
    /// it has none.
    #[inline]
    pub(crate) fn find_in(&self, group: u32, offset: Offset) -> u32 {
        let (number, within) = split(offset);
        let group = self.groups.get(group);
        if group.number == number {
            group.slots[within]
        } else {
            NONE
        }
    }

    /// Adds an offset that is not there yet.
    #[inline]
    pub(crate) fn insert(&mut self, offset: Offset, slot: u32) {
        let (number, within) = split(offset);
        let at = if self.last.1 != NONE && self.last.0 == number {
            self.last.1
        } else {
            self.begin_group(number)
        };
        self.groups.get_mut(at).slots[within] = slot;
        self.len += 1;
    }

    #[cold]
    fn begin_group(&mut self, number: u64) -> u32 {
        let at = self.group(number).unwrap_or_else(|| self.new_group(number));
        self.last = (number, at);
        at
    }

    fn new_group(&mut self, number: u64) -> u32 {
        let at = if self.free == NONE {
            let at = self.made;
            self.made += 1;
            self.groups.grow_to(at);
            at
        } else {
            let at = self.free;
            self.free = u32::try_from(self.groups.get(at).number).unwrap_or(NONE);
            at
        };
        self.groups.get_mut(at).number = number;
        let groups = &self.groups;
        self.index.insert(hash::number(number), at, |older| {
            hash::number(groups.get(older).number)
        });
        at
    }

    /// Removes an offset. True when it was there.
    pub(crate) fn remove(&mut self, offset: Offset) -> bool {
        let (number, within) = split(offset);
        let Some(at) = self.group(number) else {
            return false;
        };
        let group = self.groups.get_mut(at);
        if std::mem::replace(&mut group.slots[within], NONE) == NONE {
            return false;
        }
        self.len -= 1;
        if group.slots.iter().all(|&slot| slot == NONE) {
            group.number = u64::from(self.free);
            self.free = at;
            if self.last.1 == at {
                self.last.1 = NONE;
            }
            self.index.remove(hash::number(number), at);
        }
        true
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.groups.memory_bytes() + self.index.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_group_is_a_cache_line() {
        assert_eq!((size_of::<Group>(), align_of::<Group>()), (64, 64));
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in proptest::collection::vec((0u8..4, 1u64..40, any::<usize>()), 1..1_500), far: bool) {
            let mut offsets = Offsets::new();
            let mut model = BTreeMap::new();
            let mut next = if far { u64::MAX - 100_000 } else { 0 };
            for (slot, (what, step, at)) in (0u32..).zip(steps) {
                if what < 2 {
                    next += step;
                    offsets.insert(next, slot);
                    model.insert(next, slot);
                } else if what == 2 && !model.is_empty() {
                    let offset = *model.keys().nth(at % model.len()).unwrap();
                    prop_assert_eq!(offsets.find(offset), model.remove(&offset));
                    prop_assert!(offsets.remove(offset));
                    prop_assert!(!offsets.remove(offset));
                } else {
                    let offset = next.saturating_sub(step);
                    prop_assert_eq!(offsets.find(offset), model.get(&offset).copied());
                }
                prop_assert_eq!(offsets.len() as usize, model.len());
            }
            for (&offset, &slot) in &model {
                prop_assert_eq!(offsets.find(offset), Some(slot));
            }
            let groups: std::collections::BTreeSet<u64> = model.keys().map(|offset| offset / GROUP_OFFSETS as u64).collect();
            prop_assert_eq!(offsets.index.len() as usize, groups.len());
        }
    }
}
