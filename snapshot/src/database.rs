//! The same object in the relational store: for the day when the disk is gone.

use onsale_schemas::PartitionId;
use onsale_store::Store;
use onsale_store::snapshot::SnapshotInfo;

use crate::error::SnapshotError;
use crate::format::Snapshot;

/// Stores a snapshot unless one at least as new is stored; true when it was stored.
///
/// # Errors
/// When it cannot be encoded or the database refuses.
pub async fn save(store: &Store, snapshot: &Snapshot) -> Result<bool, SnapshotError> {
    let object = snapshot.encode()?;
    let header = &snapshot.header;
    let info = SnapshotInfo {
        partition: header.partition,
        next_offset: header.next_offset,
        log_time_ms: header.log_time_ms,
        size_bytes: object.len() as u64,
        created_at_ms: header.created_at_ms,
    };
    Ok(store.put_snapshot(&info, &object).await?)
}

/// The newest stored snapshot of a partition, checked.
///
/// # Errors
/// When the database cannot be read or the object is damaged.
pub async fn newest(
    store: &Store,
    partition: PartitionId,
) -> Result<Option<Snapshot>, SnapshotError> {
    let Some((info, object)) = store.newest_snapshot(partition).await? else {
        return Ok(None);
    };
    let snapshot = Snapshot::decode(&object)?;
    let header = &snapshot.header;
    if (header.partition, header.next_offset) != (info.partition, info.next_offset) {
        return Err(SnapshotError::Damaged("its row and its header differ"));
    }
    Ok(Some(snapshot))
}
