//! Which booking a payment reference belongs to: a ring in the order of the claims, with an index.
//!
//! What is past its time counts as unknown; it is removed when later references are added, because
//! only the table's size depends on it.

use onsale_schemas::limits::REFERENCE_KEPT_MS;
use onsale_schemas::{LogTimeMs, Offset, PartitionId, ReferenceHash};

use crate::hash;
use crate::index::Index;
use crate::pages::Pages;

/// References past their time that one claim takes out: more than it puts in.
const SWEPT_PER_CLAIM: usize = 4;

/// A claim.
#[derive(Clone, Copy)]
pub(crate) struct Claimed {
    pub(crate) reference: ReferenceHash,
    /// The booking and its partition.
    pub(crate) booking: Offset,
    pub(crate) partition: PartitionId,
    pub(crate) claimed_at_ms: LogTimeMs,
}

impl Default for Claimed {
    fn default() -> Self {
        Self {
            reference: ReferenceHash::from_bytes([0; 16]),
            booking: 0,
            partition: PartitionId(0),
            claimed_at_ms: 0,
        }
    }
}

impl Claimed {
    /// True when it is forgotten now, swept or not.
    fn is_stale(&self, now: LogTimeMs) -> bool {
        now.saturating_sub(self.claimed_at_ms) >= REFERENCE_KEPT_MS
    }

    fn hash(&self) -> u64 {
        hash::id(self.reference.as_bytes())
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct References {
    ring: Pages<Claimed, 64>,
    /// Places of the ring.
    places: u32,
    /// Number of the oldest claim kept.
    first: u64,
    /// Number of the next claim.
    next: u64,
    index: Index,
}

impl References {
    /// A table of this capacity.
    pub(crate) fn new(references_max: u32) -> Self {
        Self {
            ring: Pages::new(),
            places: references_max.max(1),
            first: 0,
            next: 0,
            index: Index::new(),
        }
    }

    /// Claims kept, stale ones that are not swept yet included.
    pub(crate) fn len(&self) -> u64 {
        self.next - self.first
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a remainder of a 32-bit divisor"
    )]
    fn slot(&self, number: u64) -> u32 {
        (number % u64::from(self.places)) as u32
    }

    fn find_slot(&self, reference: &ReferenceHash) -> Option<u32> {
        self.index.find(hash::id(reference.as_bytes()), |slot| {
            self.ring.get(slot).reference == *reference
        })
    }

    /// The claim of a reference if it is not forgotten.
    pub(crate) fn find(&self, reference: &ReferenceHash, now: LogTimeMs) -> Option<&Claimed> {
        let claimed = self.ring.get(self.find_slot(reference)?);
        (!claimed.is_stale(now)).then_some(claimed)
    }

    /// True when one more may be added to a table of that capacity.
    pub(crate) fn has_room(&mut self, references_max: u32, now: LogTimeMs) -> bool {
        for _ in 0..SWEPT_PER_CLAIM {
            if !self.sweep_one(now) {
                break;
            }
        }
        self.len() < u64::from(references_max)
    }

    /// Adds a claim that is not later than any before it and for which there is room. A stale one of
    /// the same reference is not found any more.
    pub(crate) fn add(&mut self, claimed: Claimed) {
        let slot = self.slot(self.next);
        let older = self.find_slot(&claimed.reference);
        self.ring.grow_to(slot);
        *self.ring.get_mut(slot) = claimed;
        self.next += 1;
        if let Some(older) = older {
            self.index.replace(claimed.hash(), older, slot);
            return;
        }
        let ring = &self.ring;
        self.index
            .insert(claimed.hash(), slot, |older| ring.get(older).hash());
    }

    /// Takes out the oldest claim if it is stale. True when there was one.
    fn sweep_one(&mut self, now: LogTimeMs) -> bool {
        if self.first == self.next {
            return false;
        }
        let slot = self.slot(self.first);
        let claimed = *self.ring.get(slot);
        if !claimed.is_stale(now) {
            return false;
        }
        // Finds nothing when a later claim of the same reference has taken its place.
        self.index.remove(claimed.hash(), slot);
        self.first += 1;
        true
    }

    /// Removes what is stale at `now`, and moves later times of the others to `to`.
    pub(crate) fn turn_back(&mut self, now: LogTimeMs, to: LogTimeMs) {
        while self.sweep_one(now) {}
        let mut number = self.next;
        while number > self.first {
            number -= 1;
            let slot = self.slot(number);
            if self.ring.get(slot).claimed_at_ms <= to {
                break;
            }
            self.ring.get_mut(slot).claimed_at_ms = to;
        }
    }

    /// All claims, oldest first, stale ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Claimed> {
        (self.first..self.next).map(|number| self.ring.get(self.slot(number)))
    }

    /// Claims that are not stale, oldest first.
    pub(crate) fn fresh(&self, now: LogTimeMs) -> impl Iterator<Item = &Claimed> {
        self.iter().filter(move |claimed| !claimed.is_stale(now))
    }

    /// References that can be found.
    pub(crate) fn indexed(&self) -> u32 {
        self.index.len()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.ring.memory_bytes() + self.index.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(n: u64, claimed_at_ms: LogTimeMs) -> Claimed {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        Claimed {
            reference: ReferenceHash::from_bytes(bytes),
            booking: n,
            partition: PartitionId(3),
            claimed_at_ms,
        }
    }

    #[test]
    fn a_claim_is_small() {
        assert_eq!(size_of::<Claimed>(), 40);
    }

    #[test]
    fn goes_round_and_forgets_in_order() {
        let step = REFERENCE_KEPT_MS / 100;
        let mut references = References::new(101);
        for n in 0..1_000 {
            let now = n * step;
            assert!(references.has_room(101, now));
            references.add(claim(n, now));
            assert_eq!(references.len(), (n + 1).min(100));
            assert_eq!(u64::from(references.indexed()), references.len());
            let oldest = n.saturating_sub(99);
            assert!(
                references
                    .find(&claim(oldest, 0).reference, now)
                    .is_some_and(|claimed| claimed.booking == oldest)
            );
        }
    }

    #[test]
    fn a_full_table_has_room_once_its_oldest_is_past_its_time() {
        let mut references = References::new(2);
        references.add(claim(1, 10));
        references.add(claim(2, 20));
        assert!(!references.has_room(2, 9 + REFERENCE_KEPT_MS));
        let now = 10 + REFERENCE_KEPT_MS;
        assert!(references.find(&claim(1, 0).reference, now).is_none());
        assert!(references.has_room(2, now));
        references.add(claim(1, now));
        assert_eq!(
            references
                .find(&claim(1, 0).reference, now)
                .unwrap()
                .claimed_at_ms,
            now
        );
        assert!(!references.has_room(2, now));
    }

    #[test]
    fn a_stale_one_that_is_still_there_is_replaced() {
        let mut references = References::new(9);
        references.add(claim(1, 0));
        let now = REFERENCE_KEPT_MS;
        references.add(claim(1, now));
        assert_eq!((references.len(), references.indexed()), (2, 1));
        assert!(references.sweep_one(now));
        assert!(references.find(&claim(1, 0).reference, now).is_some());
    }
}
