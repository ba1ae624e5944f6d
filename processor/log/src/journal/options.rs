//! Settings and limits of a journal.

use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;

use super::bytes::SECTOR_BYTES;
use crate::storage::LogError;

/// Most partitions of one journal; every segment's header holds the end of each.
pub(crate) const PARTITIONS_MAX: u16 = 1_024;
/// Default size of a segment, in bytes. A new segment costs the writer one more sync of about 0.1
/// ms, which 16 MiB already make invisible (it is filled ahead by another thread). Larger ones
/// would only make a small installation keep more zeros, start-up read more (it scans the last
/// segment) and retention coarser. At rest a journal has two segments.
pub(crate) const SEGMENT_SIZE_DEFAULT_BYTES: u64 = 16 << 20;
/// Smallest segment, in bytes.
pub(crate) const SEGMENT_SIZE_MIN_BYTES: u64 = 64 << 10;
/// Largest segment, in bytes.
pub(crate) const SEGMENT_SIZE_MAX_BYTES: u64 = 1 << 30;
/// Largest batch with its frames, in bytes, if the segment is large enough for it. Recovery relies
/// on it too: a torn batch reaches no further.
pub(crate) const BATCH_SIZE_MAX_BYTES: usize = 8 << 20;

/// Where the next segment is created.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PrepareSegments {
    /// By a thread, while the present segment fills.
    #[default]
    Ahead,
    /// By the writer when it needs one. Deterministic, for simulation.
    OnDemand,
}

/// How to open a journal.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// How many partitions; frozen when the journal is created.
    pub partitions: u16,
    /// Size of the segments created from now on, in bytes; rounded up to whole sectors. One append
    /// must fit into a segment, so small ones refuse large records.
    pub segment_size_bytes: u64,
    /// Id for a new journal; random when `None`. When given, an existing journal must have it.
    pub log_id: Option<[u8; 16]>,
    /// Where the next segment is created.
    pub prepare: PrepareSegments,
}

impl JournalOptions {
    /// Defaults for this many partitions.
    pub fn new(partitions: u16) -> Self {
        Self {
            partitions,
            segment_size_bytes: SEGMENT_SIZE_DEFAULT_BYTES,
            log_id: None,
            prepare: PrepareSegments::default(),
        }
    }

    pub(super) fn segment_size(&self) -> u64 {
        self.segment_size_bytes
            .next_multiple_of(SECTOR_BYTES as u64)
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.partitions == 0 || self.partitions > PARTITIONS_MAX {
            return Err(LogError::Mismatch(format!(
                "a journal has 1 to {PARTITIONS_MAX} partitions, not {}",
                self.partitions
            )));
        }
        let sizes = SEGMENT_SIZE_MIN_BYTES..=SEGMENT_SIZE_MAX_BYTES;
        if !sizes.contains(&self.segment_size_bytes) {
            return Err(LogError::Mismatch(format!(
                "a segment has {} to {} bytes, not {}",
                sizes.start(),
                sizes.end(),
                self.segment_size_bytes
            )));
        }
        Ok(())
    }
}

// The largest record fits into the largest batch and that into a default segment.
const _: () = assert!(RECORD_SIZE_MAX_BYTES * 2 <= BATCH_SIZE_MAX_BYTES);
const _: () = assert!((BATCH_SIZE_MAX_BYTES as u64) * 2 <= SEGMENT_SIZE_DEFAULT_BYTES);
