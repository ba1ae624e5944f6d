//! Which partition a show lives on.

use crate::ids::{EventId, PartitionId, ReferenceHash};

/// The partition of all shows of an event.
///
/// Shows are placed by their event, not by their own id, because the ticket limit counts per user
/// and *event*: it can only be exact where one machine sees every show of the event. The number of
/// partitions is frozen when a log is created.
///
/// # Panics
/// Never; a count of 0 is taken as 1.
pub fn partition_of(event: EventId, partitions: u16) -> PartitionId {
    spread(event.as_bytes(), partitions)
}

/// The partition that knows which booking a payment reference belongs to, wherever that booking is.
///
/// # Panics
/// Never; a count of 0 is taken as 1.
pub fn of_reference(reference: ReferenceHash, partitions: u16) -> PartitionId {
    spread(reference.as_bytes(), partitions)
}

fn spread(id: &[u8; 16], partitions: u16) -> PartitionId {
    let hash = xxhash_rust::xxh3::xxh3_64(id);
    let n = u64::from(partitions.max(1));
    // The product of two 32-bit numbers shifted down: an even spread without a division.
    let index = ((hash >> 32) * n) >> 32;
    // Below n, which came from 16 bits.
    PartitionId(u16::try_from(index).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden: a changed value here means that shows of running installations change partition.
    #[test]
    fn golden() {
        let got: Vec<u16> = (0..8u8)
            .map(|i| partition_of(EventId::from_bytes([i; 16]), 64).0)
            .collect();
        assert_eq!(got, [52, 41, 31, 34, 61, 18, 27, 63]);
    }

    #[test]
    fn spreads_evenly_and_stays_in_range() {
        for partitions in [1u16, 3, 16, 64] {
            let mut hits = vec![0u32; usize::from(partitions)];
            for i in 0..64_000u32 {
                let mut id = [0u8; 16];
                id[..4].copy_from_slice(&i.to_le_bytes());
                hits[usize::from(partition_of(EventId::from_bytes(id), partitions).0)] += 1;
            }
            let even = 64_000 / u32::from(partitions);
            assert!(
                hits.iter().all(|&n| n > even / 2 && n < even * 2),
                "{partitions}: {hits:?}"
            );
        }
    }
}
