//! The last position for each user: of an answer, so that their next read can wait for it, or of
//! the end of their tickets.

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_schemas::{Offset, PartitionId, UserId};

/// Slots per partition. Users that share one wait for each other's positions, which costs a
/// moment and is never wrong.
const SLOTS_PER_PARTITION: usize = 4_096;

pub(crate) struct LastPositions {
    /// Offset plus one by partition and slot; 0 is none.
    slots: Box<[AtomicU64]>,
}

impl LastPositions {
    pub(crate) fn new(partitions: u16) -> Self {
        Self {
            slots: (0..usize::from(partitions) * SLOTS_PER_PARTITION)
                .map(|_| AtomicU64::new(0))
                .collect(),
        }
    }

    /// Records this position for `user`.
    pub(crate) fn note(&self, user: UserId, partition: PartitionId, offset: Offset) {
        if let Some(slot) = self.slot(user, partition) {
            slot.fetch_max(offset.saturating_add(1), Ordering::AcqRel);
        }
    }

    /// The last position of a partition recorded for `user`.
    pub(crate) fn last(&self, user: UserId, partition: PartitionId) -> Option<Offset> {
        self.slot(user, partition)?
            .load(Ordering::Acquire)
            .checked_sub(1)
    }

    fn slot(&self, user: UserId, partition: PartitionId) -> Option<&AtomicU64> {
        let [.., a, b, c, d] = *user.as_bytes();
        let mixed = u32::from_be_bytes([a, b, c, d]).wrapping_mul(0x9e37_79b1);
        // The upper bits are the well mixed ones.
        let slot = usize::try_from(mixed >> 20).unwrap_or(0) % SLOTS_PER_PARTITION;
        self.slots
            .get(usize::from(partition.0) * SLOTS_PER_PARTITION + slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_latest_position_by_user_and_partition() {
        let positions = LastPositions::new(2);
        let user = UserId::from_bytes([7; 16]);
        assert_eq!(positions.last(user, PartitionId(1)), None);
        positions.note(user, PartitionId(1), 5);
        positions.note(user, PartitionId(1), 3);
        assert_eq!(positions.last(user, PartitionId(1)), Some(5));
        assert_eq!(positions.last(user, PartitionId(0)), None);
        positions.note(user, PartitionId(9), 5);
        assert_eq!(positions.last(user, PartitionId(9)), None);
    }
}
