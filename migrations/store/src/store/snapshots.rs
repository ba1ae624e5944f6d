//! Snapshot objects: the newest of each partition.

use onsale_schemas::PartitionId;

use super::Store;
use crate::database::{Durability, Row, Value, integer};
use crate::error::StoreError;
use crate::snapshot::SnapshotInfo;

impl Store {
    /// Stores a snapshot object unless one at least as new is stored for the partition (one guarded
    /// statement); true when it was stored.
    ///
    /// # Errors
    /// As every write.
    pub async fn put_snapshot(
        &self,
        info: &SnapshotInfo,
        object: &[u8],
    ) -> Result<bool, StoreError> {
        self.database
            .execute_unaudited(
                Durability::Durable,
                "INSERT INTO snapshots (partition, next_offset, log_time_ms, size_bytes, \
                 created_at_ms, object) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset, \
                 log_time_ms = excluded.log_time_ms, size_bytes = excluded.size_bytes, \
                 created_at_ms = excluded.created_at_ms, object = excluded.object \
                 WHERE snapshots.next_offset < excluded.next_offset",
                &[
                    info.partition.0.into(),
                    integer("next_offset", info.next_offset)?.into(),
                    integer("log_time_ms", info.log_time_ms)?.into(),
                    integer("size_bytes", info.size_bytes)?.into(),
                    integer("created_at_ms", info.created_at_ms)?.into(),
                    Value::Bytes(object),
                ],
            )
            .await
            .map(|touched| touched > 0)
    }

    /// The newest stored snapshot of a partition.
    ///
    /// # Errors
    /// As every read.
    pub async fn newest_snapshot(
        &self,
        partition: PartitionId,
    ) -> Result<Option<(SnapshotInfo, Vec<u8>)>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT partition, next_offset, log_time_ms, size_bytes, created_at_ms, object \
                 FROM snapshots WHERE partition = $1",
                &[partition.0.into()],
            )
            .await?
            .map(|row| Ok((info(&row)?, row.bytes("object")?)))
            .transpose()
    }

    /// What snapshots are stored, by partition.
    ///
    /// # Errors
    /// As every read.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        self.database
            .fetch(
                "SELECT partition, next_offset, log_time_ms, size_bytes, created_at_ms \
                 FROM snapshots ORDER BY partition",
                &[],
            )
            .await?
            .iter()
            .map(info)
            .collect()
    }
}

fn info(row: &Row) -> Result<SnapshotInfo, StoreError> {
    Ok(SnapshotInfo {
        partition: PartitionId(row.number("partition")?),
        next_offset: row.number("next_offset")?,
        log_time_ms: row.number("log_time_ms")?,
        size_bytes: row.number("size_bytes")?,
        created_at_ms: row.number("created_at_ms")?,
    })
}
