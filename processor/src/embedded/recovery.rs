//! Start-up: newest usable snapshot plus the rest of the log.

use onsale_engine::{ImageError, Limits, NullSink, Partition};
use onsale_log::journal::Journal;
use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{Entry, Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_snapshot::{Snapshot, SnapshotError};
use onsale_store::booking::projected_offset;
use onsale_store::{Store, StoreError};

/// Why a start is refused.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The snapshots cannot be read.
    #[error("snapshots: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The database cannot be read.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The database knows records that the log does not have.
    #[error(
        "partition {partition}: the database has outcomes up to offset {projected}, the log ends at \
         {end}: the log was lost or set back. Restore it; to go on without what is missing, begin \
         a new database and reconcile"
    )]
    LogSetBack {
        /// The partition.
        partition: PartitionId,
        /// The projection's watermark.
        projected: Offset,
        /// The log's end.
        end: Offset,
    },
    /// Nothing to start from.
    #[error(
        "partition {partition}: the log begins at offset {first} and there is no usable snapshot \
         at or after it; restore the snapshots folder or the database from a copy"
    )]
    NoBase {
        /// The partition.
        partition: PartitionId,
        /// Where its log begins.
        first: Offset,
    },
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableSnapshot {
    /// Of another log.
    #[error("it belongs to another log")]
    OtherLog,
    /// Ahead of the log.
    #[error("it is at offset {snapshot}, the log ends at {end}: the log was set back")]
    AheadOfLog {
        /// Its offset.
        snapshot: Offset,
        /// The log's end.
        end: Offset,
    },
    /// The log begins after it.
    #[error("it is at offset {snapshot}, the log begins at {first}")]
    BehindLog {
        /// Its offset.
        snapshot: Offset,
        /// The log's first offset.
        first: Offset,
    },
    /// The record before it is another one.
    #[error("the record before its offset is not the one it remembers")]
    OtherRecord,
    /// Its image is damaged or of another version.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Its image is another state than its header says.
    #[error("its image has another position or digest than its header")]
    OtherState,
}

/// A partition as a start found it.
#[derive(Debug)]
pub(super) struct Recovered {
    /// State at the end of the log.
    pub(super) owner: Partition,
    /// State that the follower goes on from, at or below the projection's watermark.
    pub(super) follower: Partition,
    pub(super) follower_last_record_checksum: Option<u64>,
    /// The snapshot it came from.
    pub(super) snapshot: Option<Snapshot>,
    /// Set when no usable state is at or below the watermark: the projection has to be repaired from
    /// the engine's state first.
    pub(super) projection_lost: bool,
}

/// Checksum of a record's payload, as snapshots remember it.
pub fn checksum(payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(payload)
}

/// The machine that a snapshot holds.
///
/// # Errors
/// When image and header do not fit each other, or the image is damaged.
pub fn machine_of(snapshot: &Snapshot) -> Result<Partition, UnusableSnapshot> {
    let header = &snapshot.header;
    let machine = Partition::decode_image(header.partition, Limits::default(), &snapshot.image)?;
    if machine.next_offset() != header.next_offset || machine.digest() != header.digest {
        return Err(UnusableSnapshot::OtherState);
    }
    Ok(machine)
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
            journal,
            directory,
            store,
            in_database,
        };
        all.push(sources.base(partition, projected).await?);
    }
    catch_up(journal, &mut all)?;
    Ok(all)
}

/// Where the state of one partition can come from.
struct Sources<'a> {
    journal: &'a Journal,
    directory: &'a Directory,
    store: &'a Store,
    /// Offset of the partition's snapshot in the database. The object itself, which may be large, is
    /// fetched only when no snapshot on disk is as new.
    in_database: Option<Offset>,
}

impl Sources<'_> {
    /// The state to begin with: the newest usable snapshot at or below what is projected, from disk
    /// or from the database; else the beginning of the log; else the newest usable snapshot at all.
    async fn base(
        &self,
        partition: PartitionId,
        projected: Offset,
    ) -> Result<Recovered, RecoveryError> {
        let (first, end) = self.journal.bounds(partition)?;
        if projected > end {
            return Err(RecoveryError::LogSetBack {
                partition,
                projected,
                end,
            });
        }
        for (limit, lost) in [(projected, false), (Offset::MAX, true)] {
            if lost && first == 0 {
                return Ok(Recovered::from_nothing(partition));
            }
            if let Some((machine, snapshot)) = self.newest_usable(partition, limit).await? {
                return Ok(Recovered::from_snapshot(machine, snapshot, lost));
            }
        }
        Err(RecoveryError::NoBase { partition, first })
    }

    async fn newest_usable(
        &self,
        partition: PartitionId,
        limit: Offset,
    ) -> Result<Option<(Partition, Snapshot)>, RecoveryError> {
        let mut below = Some(limit);
        let mut in_database = self.in_database.filter(|offset| *offset <= limit);
        while below.is_some() || in_database.is_some() {
            let on_disk = match below {
                Some(limit) => self.directory.newest(partition, Some(limit))?,
                None => None,
            };
            let disk_offset = on_disk.as_ref().map(|snapshot| snapshot.header.next_offset);
            let candidate = if disk_offset >= in_database {
                below = disk_offset.and_then(|offset| offset.checked_sub(1));
                match on_disk {
                    Some(snapshot) => snapshot,
                    None => break,
                }
            } else {
                in_database = None;
                match self.fetch(partition).await {
                    Some(snapshot) => snapshot,
                    None => continue,
                }
            };
            match usable(self.journal, &candidate) {
                Ok(machine) => return Ok(Some((machine, candidate))),
                Err(error) => tracing::warn!(
                    %partition,
                    next_offset = candidate.header.next_offset,
                    %error,
                    "a snapshot cannot be used; trying the one before"
                ),
            }
        }
        Ok(None)
    }

    async fn fetch(&self, partition: PartitionId) -> Option<Snapshot> {
        match onsale_snapshot::database::newest(self.store, partition).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(%partition, %error, "the snapshot in the database cannot be used");
                None
            }
        }
    }
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

fn usable(journal: &Journal, snapshot: &Snapshot) -> Result<Partition, UnusableSnapshot> {
    let header = &snapshot.header;
    if header.log_id != journal.log_id() {
        return Err(UnusableSnapshot::OtherLog);
    }
    let (first, end) = journal
        .bounds(header.partition)
        .map_err(|_| UnusableSnapshot::OtherLog)?;
    if header.next_offset > end {
        return Err(UnusableSnapshot::AheadOfLog {
            snapshot: header.next_offset,
            end,
        });
    }
    if header.next_offset < first {
        return Err(UnusableSnapshot::BehindLog {
            snapshot: header.next_offset,
            first,
        });
    }
    // Where retention has removed the record before, there is nothing to compare with.
    if let Some(last) = header
        .next_offset
        .checked_sub(1)
        .filter(|last| *last >= first)
    {
        let mut batch = EntryBatch::default();
        let read = journal.reader().read(header.partition, last, 1, &mut batch);
        let found = batch.iter().next().map(|entry| checksum(entry.payload));
        if read.is_err() || found != header.last_record_checksum {
            return Err(UnusableSnapshot::OtherRecord);
        }
    }
    machine_of(snapshot)
}

/// Applies the rest of the log to every owner, in one pass over the log.
fn catch_up(journal: &Journal, all: &mut [Recovered]) -> Result<(), RecoveryError> {
    let starts: Vec<(PartitionId, Offset)> = all
        .iter()
        .map(|recovered| (recovered.owner.id(), recovered.owner.next_offset()))
        .collect();
    let mut scan = journal.scan(&starts)?;
    let mut apply = |partition: PartitionId, entry: Entry<'_>| {
        if let Some(recovered) = all.get_mut(usize::from(partition.0)) {
            recovered.owner.apply(entry, &mut NullSink);
        }
    };
    while scan.next_chunk(&mut apply)? > 0 {}
    Ok(())
}
