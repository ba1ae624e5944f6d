//! Snapshots kept in the database.

use onsale_schemas::{Offset, PartitionId};

/// What is known of a stored snapshot without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotInfo {
    /// Its partition.
    pub partition: PartitionId,
    /// The first offset not contained.
    pub next_offset: Offset,
    /// Log time of the last record contained.
    pub log_time_ms: u64,
    /// Size of the object in bytes.
    pub size_bytes: u64,
    /// When it was stored.
    pub created_at_ms: u64,
}
