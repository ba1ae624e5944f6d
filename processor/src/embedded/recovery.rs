//! Start-up: newest usable snapshot plus the rest of the log.

use std::time::{Duration, Instant};

use onsale_engine::{Batch, Limits, NullSink, Partition};
use onsale_log::LogReader;
use onsale_log::journal::Journal;
use onsale_schemas::{Entry, Offset, PartitionId};
use onsale_snapshot::Snapshot;
use onsale_snapshot::directory::Directory;
use onsale_store::Store;
use onsale_store::booking::projected_offset;

use crate::recovery::{Bound, RecoveryError, Sources};

/// How often a start that reads a long log says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// A partition as a start found it.
#[derive(Debug)]
pub(super) struct Recovered {
    /// State at the end of the log.
    pub(super) owner: Partition,
    /// State from which the follower continues, at or below the projection's watermark.
    pub(super) follower: Partition,
    pub(super) follower_last_record_checksum: Option<u64>,
    /// The snapshot it came from.
    pub(super) snapshot: Option<Snapshot>,
    /// Set when no usable state is at or below the watermark: the projection has to be repaired from
    /// the engine's state first.
    pub(super) projection_lost: bool,
}

/// Brings every partition to the end of the log.
pub(super) async fn recover(
    journal: &Journal,
    directory: &Directory,
    store: &Store,
) -> Result<Vec<Recovered>, RecoveryError> {
    let watermarks = store.watermarks().await?;
    let stored = store.snapshots().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the snapshots in the database cannot be used");
        Vec::new()
    });
    let mut all = Vec::new();
    for partition in (0..journal.partitions()).map(PartitionId) {
        let projected = projected_offset(&watermarks, partition);
        let in_database = stored
            .iter()
            .find(|info| info.partition == partition)
            .map(|info| info.next_offset);
        let sources = Sources {
            log_id: journal.log_id(),
            directory,
            store,
            in_database,
        };
        all.push(base(journal, &sources, partition, projected).await?);
    }
    catch_up(journal, &mut all)?;
    Ok(all)
}

/// The state to begin with: the newest usable snapshot at or below what is projected, from disk
/// or from the database; else the beginning of the log; else the newest usable snapshot at all.
async fn base(
    journal: &Journal,
    sources: &Sources<'_>,
    partition: PartitionId,
    projected: Offset,
) -> Result<Recovered, RecoveryError> {
    let mut reader = journal.reader();
    let (first, end) = reader.bounds(partition)?;
    // Beyond the end it says nothing: the start has found that its row was changed by hand.
    let projected = projected.min(end);
    for (limit, lost) in [(projected, false), (Offset::MAX, true)] {
        if lost && first == 0 {
            return Ok(Recovered::from_nothing(partition));
        }
        let bound = Bound {
            next_offset: limit,
            published: None,
        };
        let found = sources.newest_usable(partition, bound, &mut reader).await?;
        if let Some((machine, snapshot)) = found {
            return Ok(Recovered::from_snapshot(machine, snapshot, lost));
        }
    }
    Err(RecoveryError::NoBase { partition, first })
}

impl Recovered {
    fn from_nothing(partition: PartitionId) -> Self {
        let machine = Partition::new(partition, Limits::default());
        Self {
            owner: machine.clone(),
            follower: machine,
            follower_last_record_checksum: None,
            snapshot: None,
            projection_lost: false,
        }
    }

    fn from_snapshot(machine: Partition, snapshot: Snapshot, projection_lost: bool) -> Self {
        Self {
            owner: machine.clone(),
            follower: machine,
            follower_last_record_checksum: snapshot.header.last_record_checksum,
            snapshot: Some(snapshot),
            projection_lost,
        }
    }
}

/// Applies the rest of the log to every owner, in one pass over the log.
fn catch_up(journal: &Journal, all: &mut [Recovered]) -> Result<(), RecoveryError> {
    let starts: Vec<(PartitionId, Offset)> = all
        .iter()
        .map(|recovered| (recovered.owner.id(), recovered.owner.next_offset()))
        .collect();
    let mut batches: Vec<Batch> = all.iter().map(|_| Batch::default()).collect();
    let mut progress = Progress::to(journal, &starts)?;
    let mut scan = journal.scan(&starts)?;
    let mut apply = |partition: PartitionId, entry: Entry<'_>| {
        let at = usize::from(partition.0);
        if let (Some(recovered), Some(batch)) = (all.get_mut(at), batches.get_mut(at)) {
            batch.push(&entry);
            if batch.is_full() {
                recovered.owner.apply_batch(batch, &mut NullSink);
            }
        }
    };
    loop {
        match scan.next_chunk(&mut apply)? {
            0 => break,
            records => progress.add(records as u64),
        }
    }
    for (recovered, batch) in all.iter_mut().zip(&mut batches) {
        recovered.owner.apply_batch(batch, &mut NullSink);
    }
    Ok(())
}

/// How far a start is with the log.
struct Progress {
    applied: u64,
    all: u64,
    said: Instant,
}

impl Progress {
    /// Of reading everything from these offsets on.
    fn to(journal: &Journal, starts: &[(PartitionId, Offset)]) -> Result<Self, RecoveryError> {
        let reader = journal.reader();
        let mut all = 0;
        for (partition, start) in starts {
            let (_, end) = reader.bounds(*partition)?;
            all += end.saturating_sub(*start);
        }
        Ok(Self {
            applied: 0,
            all,
            said: Instant::now(),
        })
    }

    fn add(&mut self, records: u64) {
        self.applied += records;
        if self.said.elapsed() >= PROGRESS_EVERY {
            self.said = Instant::now();
            tracing::info!(applied = self.applied, of = self.all, "reading the log");
        }
    }
}
