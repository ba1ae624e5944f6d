//! Start-up: which snapshot can be started from.

use onsale_engine::{ImageError, Limits, Partition};
use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_snapshot::{Snapshot, SnapshotError};
use onsale_store::{Store, StoreError};

pub use crate::checksum::checksum;

/// Why a start is refused.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The snapshots cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// A start from it could not publish outcomes that are not published yet.
    #[error("it contains the outcome of offset {last_outcome}, those published end at {}", or_nothing(*.published))]
    AheadOfOutcomes {
        /// Its last outcome.
        last_outcome: Offset,
        /// The last outcome that is published.
        published: Option<Offset>,
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

fn or_nothing(offset: Option<Offset>) -> String {
    offset.map_or_else(|| "nothing".to_owned(), |offset| offset.to_string())
}

/// The machine that a snapshot holds.
///
/// # Errors
/// When image and header do not fit each other, or the image is damaged.
pub fn machine_of(snapshot: &Snapshot) -> Result<Partition, UnusableSnapshot> {
    machine_with(snapshot, Limits::default())
}

/// As [`machine_of`], with other limits than those of this program.
///
/// # Errors
/// As [`machine_of`].
pub fn machine_with(snapshot: &Snapshot, limits: Limits) -> Result<Partition, UnusableSnapshot> {
    let header = &snapshot.header;
    let machine = Partition::decode_image(header.partition, limits, &snapshot.image)?;
    if machine.next_offset() != header.next_offset || machine.digest() != header.digest {
        return Err(UnusableSnapshot::OtherState);
    }
    Ok(machine)
}

/// Up to where a snapshot may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// The highest offset.
    pub(crate) next_offset: Offset,
    /// Set where outcomes are published: the last one that is.
    pub(crate) published: Option<Option<Offset>>,
}

/// Where the state of one partition can come from.
pub(crate) struct Sources<'a> {
    pub(crate) log_id: [u8; 16],
    pub(crate) directory: &'a Directory,
    pub(crate) store: &'a Store,
    /// Offset of the partition's snapshot in the database. The object itself, which may be large, is
    /// fetched only when no snapshot on disk is as new.
    pub(crate) in_database: Option<Offset>,
}

impl Sources<'_> {
    /// The newest snapshot within `bound` that fits the log, from disk or from the database.
    ///
    /// # Errors
    /// When the folder or the log cannot be read. A database that cannot be read has no snapshot.
    pub(crate) async fn newest_usable(
        &self,
        partition: PartitionId,
        bound: Bound,
        reader: &mut impl LogReader,
    ) -> Result<Option<(Partition, Snapshot)>, RecoveryError> {
        let limit = bound.next_offset;
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
            match self.usable(&candidate, bound, reader) {
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

    fn usable(
        &self,
        snapshot: &Snapshot,
        bound: Bound,
        reader: &mut impl LogReader,
    ) -> Result<Partition, UnusableSnapshot> {
        let header = &snapshot.header;
        if header.log_id != self.log_id {
            return Err(UnusableSnapshot::OtherLog);
        }
        if let (Some(published), Some(last_outcome)) = (bound.published, header.last_outcome)
            && Some(last_outcome) > published
        {
            return Err(UnusableSnapshot::AheadOfOutcomes {
                last_outcome,
                published,
            });
        }
        let (first, end) = reader
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
            let read = reader.read(header.partition, last, 1, &mut batch);
            let found = batch.iter().next().map(|entry| checksum(entry.payload));
            if read.is_err() || found != header.last_record_checksum {
                return Err(UnusableSnapshot::OtherRecord);
            }
        }
        machine_of(snapshot)
    }
}
