//! Snapshots in a world: the real format on a disk that may be slow, full or wrong.

use std::rc::Rc;

use onsale_engine::{Limits, Partition as Machine};
use onsale_processor::recovery::machine_with;
use onsale_processor::snapshots::snapshot_of;
use onsale_schemas::PartitionId;
use onsale_snapshot::{Snapshot, SnapshotHeader};

use crate::workload::Rng;

/// Snapshots of one partition kept on a disk.
pub(crate) const KEPT: usize = 2;
pub(crate) const LOG_ID: [u8; 16] = *b"simulated log  .";

/// A machine frozen for a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) machine: Machine,
    pub(crate) last_record_checksum: Option<u64>,
}

/// The bytes of a snapshot.
pub(crate) fn encode(cut: &Cut) -> Result<Rc<[u8]>, String> {
    let machine = &cut.machine;
    let cut_at_ms = machine.log_time_ms();
    let snapshot = snapshot_of(machine, LOG_ID, cut.last_record_checksum, cut_at_ms)
        .map_err(|error| error.to_string())?;
    let bytes = snapshot.encode().map_err(|error| error.to_string())?;
    Ok(bytes.into())
}

/// Truncates a snapshot, at worst to nothing. One without bytes stays as it is.
pub(crate) fn cut_short(bytes: &[u8], rng: &mut Rng) -> Rc<[u8]> {
    let len = rng.index(bytes.len());
    bytes.get(..len).unwrap_or_default().into()
}

/// Flips one bit of a snapshot. One without bytes stays as it is: the disk may damage again what it
/// damaged before.
pub(crate) fn turn_bit_over(bytes: &[u8], rng: &mut Rng) -> Rc<[u8]> {
    let mut bytes = bytes.to_vec();
    let at = rng.index(bytes.len());
    let bit = rng.below(8);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
    bytes.into()
}

/// Header and machine of a snapshot, for a program with these limits.
pub(crate) fn decode(
    bytes: &[u8],
    id: PartitionId,
    limits: Limits,
) -> Result<(SnapshotHeader, Machine), String> {
    let snapshot = Snapshot::decode(bytes).map_err(|error| error.to_string())?;
    let header = &snapshot.header;
    if header.log_id != LOG_ID || header.partition != id {
        return Err("of another log or partition".to_owned());
    }
    let machine = machine_with(&snapshot, limits).map_err(|error| error.to_string())?;
    Ok((snapshot.header, machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Harm = fn(&[u8], &mut Rng) -> Rc<[u8]>;

    #[test]
    fn a_snapshot_may_be_harmed_again_whatever_the_harm_before_left() {
        for harm in [cut_short as Harm, turn_bit_over as Harm] {
            for len in [0, 1, 2, 100] {
                for seed in 0..200 {
                    let mut rng = Rng::new(seed);
                    let whole = vec![0; len];
                    let once = harm(&whole, &mut rng);
                    assert!(once.len() <= len);
                    assert!(len == 0 || *once != *whole, "seed {seed} of {len} bytes");
                    for again in [cut_short as Harm, turn_bit_over as Harm] {
                        assert!(again(&once, &mut rng).len() <= once.len());
                    }
                }
            }
        }
    }
}
