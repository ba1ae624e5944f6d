//! What the writer and the readers of one journal share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use onsale_schemas::{Offset, PartitionId};

use super::bytes::SECTOR_BYTES;
use super::meta::Meta;
use super::segment::{PartitionEnd, Segment};
use crate::storage::LogError;
use onsale_disk::{Disk, DiskLock};

/// A place between two batches, which the writer has made durable up to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct DurablePosition(u64);

/// Low bits that hold the sector; a segment has far fewer.
const SECTOR_BITS: u32 = 24;

impl DurablePosition {
    pub(super) fn new(segment: u64, position: u64) -> Self {
        Self((segment << SECTOR_BITS) | (position / SECTOR_BYTES as u64))
    }

    pub(super) fn segment(self) -> u64 {
        self.0 >> SECTOR_BITS
    }

    pub(super) fn position(self) -> u64 {
        (self.0 & ((1 << SECTOR_BITS) - 1)) * SECTOR_BYTES as u64
    }
}

/// What the writer and the readers of one journal share.
pub(super) struct OpenJournal {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) meta: Meta,
    pub(super) seed: u32,
    /// Segments in use, ascending and without gaps; never empty.
    segments: RwLock<Vec<Arc<Segment>>>,
    /// First offset kept, by partition.
    firsts: Box<[AtomicU64]>,
    /// Offset after the last durable record, by partition.
    ends: Box<[AtomicU64]>,
    durable: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    /// There while a writer is; retention needs it too.
    pub(super) lock: Mutex<Option<Box<dyn DiskLock>>>,
}

impl OpenJournal {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        meta: Meta,
        segments: Vec<Arc<Segment>>,
        ends: &[PartitionEnd],
        durable: DurablePosition,
        lock: Option<Box<dyn DiskLock>>,
    ) -> Self {
        let firsts = match segments.first() {
            Some(first) => first.bases.iter().map(|base| base.next).collect(),
            None => vec![0; ends.len()],
        };
        Self {
            disk,
            folder,
            meta,
            seed: super::batch::crc_seed(&meta.log_id),
            segments: RwLock::new(segments),
            firsts: firsts.into_iter().map(AtomicU64::new).collect(),
            ends: ends.iter().map(|end| AtomicU64::new(end.next)).collect(),
            durable: AtomicU64::new(durable.0),
            written_bytes: AtomicU64::new(0),
            lock: Mutex::new(lock),
        }
    }

    /// Lets others open the journal.
    pub(super) fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The place of a partition in tables, if it exists.
    pub(super) fn index(&self, partition: PartitionId) -> Result<usize, LogError> {
        if partition.0 < self.meta.partitions {
            return Ok(usize::from(partition.0));
        }
        Err(LogError::UnknownPartition {
            partition,
            partitions: self.meta.partitions,
        })
    }

    pub(super) fn first(&self, index: usize) -> Offset {
        self.firsts[index].load(Ordering::Acquire)
    }

    pub(super) fn end(&self, index: usize) -> Offset {
        self.ends[index].load(Ordering::Acquire)
    }

    pub(super) fn check_kept(&self, index: usize, asked: Offset) -> Result<(), LogError> {
        let first = self.first(index);
        if asked >= first {
            return Ok(());
        }
        Err(LogError::OffsetGone {
            partition: PartitionId(u16::try_from(index).unwrap_or(u16::MAX)),
            asked,
            first,
        })
    }

    pub(super) fn durable(&self) -> DurablePosition {
        DurablePosition(self.durable.load(Ordering::Acquire))
    }

    pub(super) fn segments<T>(&self, f: impl FnOnce(&[Arc<Segment>]) -> T) -> T {
        f(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The segment with this number, if it is kept.
    pub(super) fn segment(&self, sequence: u64) -> Option<Arc<Segment>> {
        self.segments(|segments| {
            let at = sequence.checked_sub(segments.first()?.sequence)?;
            segments.get(usize::try_from(at).ok()?).cloned()
        })
    }

    /// The last segment for which `holds` is true, where it is true for a first part of them; the
    /// first segment when it is true for none.
    pub(super) fn last_segment_where(
        &self,
        holds: impl Fn(&Segment) -> bool,
    ) -> Option<Arc<Segment>> {
        self.segments(|segments| {
            let count = segments.partition_point(|segment| holds(segment));
            segments.get(count.saturating_sub(1)).cloned()
        })
    }

    /// Adds the next segment.
    pub(super) fn add_segment(&self, segment: Arc<Segment>) {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(segment);
    }

    /// Takes out the segments before `sequence`; their offsets are gone from now on.
    pub(super) fn remove_segments_before(&self, sequence: u64) -> Vec<Arc<Segment>> {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let count = segments.partition_point(|segment| segment.sequence < sequence);
        let removed = segments.drain(..count).collect();
        if let Some(first) = segments.first() {
            for (kept, base) in self.firsts.iter().zip(&first.bases) {
                kept.store(base.next, Ordering::Release);
            }
        }
        removed
    }

    /// Makes everything up to `durable` visible to readers. The position first: who sees a new end
    /// of a partition must be able to read up to it.
    pub(super) fn publish(&self, durable: DurablePosition, ends: &[PartitionEnd]) {
        self.durable.store(durable.0, Ordering::Release);
        for (published, end) in self.ends.iter().zip(ends) {
            published.store(end.next, Ordering::Release);
        }
    }
}
