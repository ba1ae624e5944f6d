//! A hash index from keys to slots of a table, by linear hashing: it grows by one bucket at a time,
//! so no insertion ever waits for the whole table to be moved.
//!
//! A bucket is one cache line with ten entries of a 16-bit tag and a 32-bit slot. The tag holds
//! hash bits 10..26: they filter out most foreign entries without reading the table, and they are
//! the bits that decide where an entry goes when its bucket is split, so splitting a bucket of a
//! large index reads no records.

use smallvec::SmallVec;

use crate::pages::Pages;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

const BUCKET_ENTRIES: usize = 10;
/// Average fill at which the next bucket is split, in entries. Less wastes memory, more makes
/// overflow chains common.
const FILL_MAX: u32 = 6;
const TAG_SHIFT: u32 = 10;
const TAG_BITS: u32 = u16::BITS;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    tags: [u16; BUCKET_ENTRIES],
    slots: [u32; BUCKET_ENTRIES],
    /// Next bucket of the chain, in `Index::overflow`.
    next: u32,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tags: [0; BUCKET_ENTRIES],
            slots: [NONE; BUCKET_ENTRIES],
            next: NONE,
        }
    }
}

impl Bucket {
    #[inline]
    fn vacancy(&self) -> Option<usize> {
        self.slots.iter().position(|&slot| slot == NONE)
    }

    /// Entries that may have the tag, as the top bits of 16-bit lanes: all that have it, and
    /// sometimes the one after one that has it, which the caller's comparison rejects.
    #[inline]
    fn tagged(&self, tag: u16) -> [u64; 3] {
        const ONES: u64 = 0x0001_0001_0001_0001;
        const TOPS: u64 = ONES << 15;
        let wanted = u64::from(tag) * ONES;
        let [a, b, c, d, e, f, g, h, i, j] = self.tags.map(u64::from);
        [
            a | b << 16 | c << 32 | d << 48,
            e | f << 16 | g << 32 | h << 48,
            i | j << 16 | !wanted << 32,
        ]
        .map(|lanes| {
            // Lanes that are equal become zero, and a zero lane borrows into its top bit.
            let different = lanes ^ wanted;
            different.wrapping_sub(ONES) & !different & TOPS
        })
    }

    fn is_empty(&self) -> bool {
        self.slots.iter().all(|&slot| slot == NONE)
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Index {
    buckets: Pages<Bucket, 64>,
    overflow: Pages<Bucket, 64>,
    overflow_made: u32,
    overflow_free: u32,
    /// Buckets at the beginning of the present doubling: `1 << level`.
    level: u32,
    /// Buckets of this doubling that have been split.
    split: u32,
    len: u32,
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the tag is 16 bits of the hash"
)]
fn tag_of(hash: u64) -> u16 {
    (hash >> TAG_SHIFT) as u16
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "buckets are numbered by the hash's low bits"
)]
fn low_bits(hash: u64, bits: u32) -> u32 {
    (hash & ((1 << bits) - 1)) as u32
}

impl Index {
    pub(crate) fn new() -> Self {
        let mut buckets = Pages::new();
        buckets.grow_to(0);
        Self {
            buckets,
            overflow: Pages::new(),
            overflow_made: 0,
            overflow_free: NONE,
            level: 0,
            split: 0,
            len: 0,
        }
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    fn bucket_of(&self, hash: u64) -> u32 {
        let bucket = low_bits(hash, self.level);
        if bucket < self.split {
            low_bits(hash, self.level + 1)
        } else {
            bucket
        }
    }

    /// The slot under that hash for which `is_it` says yes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag_of(hash);
        let mut bucket = self.buckets.get(self.bucket_of(hash));
        loop {
            for (word, mut bits) in bucket.tagged(tag).into_iter().enumerate() {
                while bits != 0 {
                    let entry = word * 4 + bits.trailing_zeros() as usize / 16;
                    let slot = bucket.slots.get(entry).copied().unwrap_or(NONE);
                    if slot != NONE && is_it(slot) {
                        return Some(slot);
                    }
                    bits &= bits - 1;
                }
            }
            if bucket.next == NONE {
                return None;
            }
            bucket = self.overflow.get(bucket.next);
        }
    }

    /// Prefetches what [`Index::find`] reads first.
    #[inline]
    pub(crate) fn fetch(&self, hash: u64) {
        self.buckets.fetch(self.bucket_of(hash));
    }

    /// The first slot that may be what [`Index::find`] finds, or [`NONE`].
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> u32 {
        let bucket = self.buckets.get(self.bucket_of(hash));
        let tag = tag_of(hash);
        for (word, bits) in bucket.tagged(tag).into_iter().enumerate() {
            if bits != 0 {
                let entry = word * 4 + bits.trailing_zeros() as usize / 16;
                return bucket.slots.get(entry).copied().unwrap_or(NONE);
            }
        }
        NONE
    }

    /// Adds an entry whose key is known to be absent. `hash_of` returns the hash of an older slot;
    /// it is called only where the tag is not enough.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        self.put(self.bucket_of(hash), tag_of(hash), slot);
        self.len += 1;
        if u64::from(self.len)
            > u64::from(FILL_MAX) * ((1u64 << self.level) + u64::from(self.split))
        {
            self.split_next(hash_of);
        }
    }

    /// Removes an entry. True when it was there.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) -> bool {
        self.rewrite(hash, slot, NONE)
    }

    /// Points an entry to another slot with the same key. True when it was there.
    pub(crate) fn replace(&mut self, hash: u64, old: u32, new: u32) -> bool {
        self.rewrite(hash, old, new)
    }

    fn rewrite(&mut self, hash: u64, old: u32, new: u32) -> bool {
        let home = self.bucket_of(hash);
        let mut previous = NONE;
        let mut at = NONE;
        loop {
            let bucket = if at == NONE {
                self.buckets.get(home)
            } else {
                self.overflow.get(at)
            };
            if let Some(i) = bucket.slots.iter().position(|&slot| slot == old) {
                let bucket = if at == NONE {
                    self.buckets.get_mut(home)
                } else {
                    self.overflow.get_mut(at)
                };
                bucket.slots[i] = new;
                if new == NONE {
                    self.len -= 1;
                    let emptied = at != NONE && bucket.is_empty();
                    if emptied {
                        let next = bucket.next;
                        self.unlink_overflow(home, previous, at, next);
                    }
                }
                return true;
            }
            if bucket.next == NONE {
                return false;
            }
            previous = at;
            at = bucket.next;
        }
    }

    fn unlink_overflow(&mut self, home: u32, previous: u32, at: u32, next: u32) {
        if previous == NONE {
            self.buckets.get_mut(home).next = next;
        } else {
            self.overflow.get_mut(previous).next = next;
        }
        *self.overflow.get_mut(at) = Bucket {
            next: self.overflow_free,
            ..Bucket::default()
        };
        self.overflow_free = at;
    }

    #[inline]
    fn put(&mut self, home: u32, tag: u16, slot: u32) {
        let bucket = self.buckets.get_mut(home);
        if let Some(i) = bucket.vacancy() {
            bucket.tags[i] = tag;
            bucket.slots[i] = slot;
        } else {
            self.put_overflow(home, tag, slot);
        }
    }

    #[cold]
    fn put_overflow(&mut self, home: u32, tag: u16, slot: u32) {
        let first = self.buckets.get(home).next;
        let mut at = first;
        while at != NONE {
            let bucket = self.overflow.get(at);
            if let Some(i) = bucket.vacancy() {
                let bucket = self.overflow.get_mut(at);
                bucket.tags[i] = tag;
                bucket.slots[i] = slot;
                return;
            }
            at = bucket.next;
        }
        let fresh = if self.overflow_free == NONE {
            let fresh = self.overflow_made;
            self.overflow_made += 1;
            self.overflow.grow_to(fresh);
            fresh
        } else {
            let fresh = self.overflow_free;
            self.overflow_free = self.overflow.get(fresh).next;
            fresh
        };
        let mut bucket = Bucket {
            next: first,
            ..Bucket::default()
        };
        bucket.tags[0] = tag;
        bucket.slots[0] = slot;
        *self.overflow.get_mut(fresh) = bucket;
        self.buckets.get_mut(home).next = fresh;
    }

    #[cold]
    fn split_next(&mut self, hash_of: impl Fn(u32) -> u64) {
        let source = self.split;
        let target = source + (1 << self.level);
        let bit = self.level;
        self.buckets.grow_to(target);

        // Filled side by side and stored once each. What does not fit is added the usual way.
        let mut halves = [Bucket::default(); 2];
        let mut filled = [0usize; 2];
        let mut spilled = SmallVec::<[(usize, u16, u32); BUCKET_ENTRIES]>::new();
        let mut bucket = *self.buckets.get(source);
        loop {
            for (&tag, &slot) in bucket.tags.iter().zip(&bucket.slots) {
                if slot == NONE {
                    continue;
                }
                let is_up = if (TAG_SHIFT..TAG_SHIFT + TAG_BITS).contains(&bit) {
                    tag >> (bit - TAG_SHIFT) & 1 == 1
                } else {
                    hash_of(slot) >> bit & 1 == 1
                };
                let half = usize::from(is_up);
                let at = filled[half];
                if at < BUCKET_ENTRIES {
                    halves[half].tags[at] = tag;
                    halves[half].slots[at] = slot;
                    filled[half] = at + 1;
                } else {
                    spilled.push((half, tag, slot));
                }
            }
            let at = bucket.next;
            if at == NONE {
                break;
            }
            bucket = *self.overflow.get(at);
            *self.overflow.get_mut(at) = Bucket {
                next: self.overflow_free,
                ..Bucket::default()
            };
            self.overflow_free = at;
        }
        self.split += 1;
        if self.split == 1 << self.level {
            self.level += 1;
            self.split = 0;
        }
        let homes = [source, target];
        for (home, half) in homes.into_iter().zip(halves) {
            *self.buckets.get_mut(home) = half;
        }
        for (half, tag, slot) in spilled {
            self.put(homes[half], tag, slot);
        }
    }

    /// Bytes of all buckets.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.buckets.memory_bytes() + self.overflow.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hash;

    #[test]
    fn grows_to_a_hundred_thousand_and_back() {
        let n = 100_000u32;
        let hash_of = |slot: u32| hash::number(u64::from(slot) * 3);
        let mut index = Index::new();
        for slot in 0..n {
            index.insert(hash_of(slot), slot, hash_of);
        }
        assert_eq!(index.len(), n);
        for slot in 0..n {
            assert_eq!(index.find(hash_of(slot), |s| s == slot), Some(slot));
        }
        assert_eq!(index.find(hash_of(n), |s| s == n), None);
        let per_entry = index.memory_bytes() / n as usize;
        assert!(per_entry <= 15, "{per_entry} bytes an entry");
        for slot in 0..n {
            assert!(index.remove(hash_of(slot), slot));
            assert!(!index.remove(hash_of(slot), slot));
        }
        assert_eq!(index.len(), 0);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(operations in proptest::collection::vec((0u8..4, 0u32..400), 1..2_000), mask in 0u64..1 << 12) {
            // Masked hashes collide often, which fills overflow chains.
            let hash_of = |slot: u32| hash::number(u64::from(slot)) & !mask;
            let mut index = Index::new();
            let mut model = BTreeMap::new();
            for (what, slot) in operations {
                let found = index.find(hash_of(slot), |s| s == slot);
                prop_assert_eq!(found.is_some(), model.contains_key(&slot));
                if what == 0 {
                    prop_assert_eq!(index.remove(hash_of(slot), slot), model.remove(&slot).is_some());
                } else if found.is_none() {
                    index.insert(hash_of(slot), slot, hash_of);
                    model.insert(slot, ());
                }
                prop_assert_eq!(index.len() as usize, model.len());
            }
        }
    }
}
