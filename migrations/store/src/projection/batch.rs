//! What the projector hands to the store.

use onsale_schemas::{Asker, Offset, OutcomeRecord, PartitionId};

/// Outcomes of one partition, applied in one transaction together with the watermark.
#[derive(Clone, Debug)]
pub struct ProjectionBatch {
    /// The partition.
    pub partition: PartitionId,
    /// The first record (of the command log) this batch covers.
    pub from_offset: u64,
    /// The record after the last one it covers.
    pub next_offset: u64,
    /// Machine time after the last record it covers.
    pub log_time_ms: u64,
    /// The outcomes in order. Those of records already projected are dropped by the store.
    pub outcomes: Vec<OutcomeRecord>,
    /// Who asked for what outcomes say, by their offsets in order, where the projector has seen the
    /// records themselves. For the audit trail.
    pub askers: Vec<(Offset, Asker)>,
}
