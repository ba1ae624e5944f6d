//! Snapshots in a world: the real format on a disk that may be slow, full or wrong.

use std::rc::Rc;

use onsale_engine::{Limits, Partition as Machine};
use onsale_processor::recovery::machine_with;
use onsale_processor::snapshots::snapshot_of;
use onsale_schemas::PartitionId;
use onsale_snapshot::{Snapshot, SnapshotHeader};

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
