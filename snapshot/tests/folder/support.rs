//! A snapshot to save.

use onsale_schemas::PartitionId;
use onsale_snapshot::{Snapshot, SnapshotHeader};

pub(crate) fn snapshot(partition: u16, next_offset: u64) -> Snapshot {
    Snapshot {
        header: SnapshotHeader {
            machine_version: 1,
            log_id: [9; 16],
            partition: PartitionId(partition),
            next_offset,
            epoch: 1,
            log_time_ms: 5,
            digest: next_offset,
            last_outcome: None,
            last_record_checksum: None,
            created_at_ms: 6,
        },
        image: vec![7; 1_000],
    }
}
