//! Turns frozen machines into files and database rows, off every hot path.
//!
//! In the embedded mode the follower cuts them, once the projection has passed their offset. A
//! start takes the newest valid one at or below the projector's watermark, checks that the record
//! before it has the checksum that the snapshot remembers, and replays the rest. That makes one
//! rule serve both engine and projection.

mod queue;

use std::sync::{Mutex, PoisonError};

use onsale_engine::Partition;
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_snapshot::{Snapshot, SnapshotError, SnapshotHeader};
use onsale_store::Store;
use prometheus::IntCounter;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::clock;
use crate::metrics::Metrics;

pub(crate) use queue::{
    ASKED_QUEUED_MAX, ASKED_TOO_OFTEN, SnapshotReceiver, SnapshotSender, snapshot_queue,
};

/// A frozen machine and what its snapshot has to remember beside it.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) machine: Partition,
    pub(crate) last_record_checksum: Option<u64>,
    pub(crate) created_at_ms: u64,
}

impl Cut {
    /// Freezes a machine as it is now.
    pub(crate) fn of(machine: &Partition, last_record_checksum: Option<u64>) -> Self {
        Self {
            machine: machine.clone(),
            last_record_checksum,
            created_at_ms: clock::now_ms(),
        }
    }
}

/// Who waits for snapshots that were asked for.
pub(crate) type CutReply = oneshot::Sender<Result<Vec<Written>, String>>;

/// Machines frozen together.
#[derive(Debug)]
pub(crate) struct SnapshotJob {
    pub(crate) cuts: Vec<Cut>,
    pub(crate) reply: Option<CutReply>,
}

/// A snapshot that is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Written {
    /// Its partition.
    pub partition: PartitionId,
    /// The first offset not contained.
    pub next_offset: Offset,
    /// When it was cut, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// Its size.
    pub size_bytes: u64,
}

impl Written {
    /// Of a snapshot that a start found.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self {
            partition: snapshot.header.partition,
            next_offset: snapshot.header.next_offset,
            created_at_ms: snapshot.header.created_at_ms,
            size_bytes: snapshot.image.len() as u64,
        }
    }
}

/// The newest snapshot of each partition.
#[derive(Debug, Default)]
pub(crate) struct Newest(Mutex<Vec<Option<Written>>>);

impl Newest {
    pub(crate) fn get(&self, partition: PartitionId) -> Option<Written> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(usize::from(partition.0)).copied().flatten()
    }

    pub(crate) fn set(&self, written: Written) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::from(written.partition.0);
        if all.len() <= index {
            all.resize(index + 1, None);
        }
        all[index] = Some(written);
    }
}

/// The snapshots in a folder, newest first within a partition.
///
/// # Errors
/// When the folder cannot be read.
pub fn kept_in(folder: &std::path::Path) -> Result<Vec<Written>, SnapshotError> {
    let mut kept: Vec<Written> = Directory::open_read_only(folder)?
        .list()?
        .into_iter()
        .map(|listed| Written {
            partition: listed.header.partition,
            next_offset: listed.header.next_offset,
            created_at_ms: listed.header.created_at_ms,
            size_bytes: listed.size_bytes,
        })
        .collect();
    kept.sort_by_key(|snapshot| (snapshot.partition, std::cmp::Reverse(snapshot.next_offset)));
    Ok(kept)
}

/// Where snapshots are written.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) log_id: [u8; 16],
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) newest: std::sync::Arc<Newest>,
    /// Snapshots kept of each partition.
    pub(crate) kept: u32,
    /// Whether they are stored in the database too.
    pub(crate) in_database: bool,
    pub(crate) metrics: Metrics,
}

impl Shelf {
    /// The snapshot that stands at this position already.
    pub(crate) fn written_at(&self, partition: PartitionId, at: Offset) -> Option<Written> {
        let newest = self.newest.get(partition)?;
        (newest.next_offset == at).then_some(newest)
    }

    /// As [`Shelf::write`], unless it is already there.
    ///
    /// # Errors
    /// As [`Shelf::write`].
    pub(crate) fn write_new(&self, cut: &Cut) -> Result<Written, String> {
        match self.written_at(cut.machine.id(), cut.machine.next_offset()) {
            Some(written) => Ok(written),
            None => self.write(cut),
        }
    }

    /// Writes a snapshot to disk, then to the database; drops old ones.
    ///
    /// # Errors
    /// Why there is none on disk.
    pub(crate) fn write(&self, cut: &Cut) -> Result<Written, String> {
        let partition = cut.machine.id();
        let next_offset = cut.machine.next_offset();
        let snapshot = snapshot_of(
            &cut.machine,
            self.log_id,
            cut.last_record_checksum,
            cut.created_at_ms,
        )
        .map_err(|error| error.to_string())?;
        let size_bytes = self
            .directory
            .save(&snapshot)
            .map_err(|error| error.to_string())?;
        if self.in_database {
            self.store_in_database(&snapshot);
        }
        if let Err(error) = self
            .directory
            .prune(partition, self.kept, Some(next_offset))
        {
            tracing::warn!(%partition, %error, "older snapshots could not be deleted");
        }
        let created_at_ms = cut.created_at_ms;
        let written = Written {
            partition,
            next_offset,
            created_at_ms,
            size_bytes,
        };
        self.newest.set(written);
        tracing::info!(%partition, next_offset, size_bytes, "snapshot written");
        Ok(written)
    }

    /// The copy in the database is for the day when the disk is gone; it never delays anything.
    fn store_in_database(&self, snapshot: &Snapshot) {
        let stored = self
            .runtime
            .block_on(onsale_snapshot::database::save(&self.store, snapshot));
        if let Err(error) = stored {
            let partition = snapshot.header.partition;
            tracing::warn!(%partition, %error, "snapshot is on disk but not in the database");
        }
    }
}

/// The snapshot of a machine; [`crate::recovery::machine_of`] gives it back.
///
/// # Errors
/// When the machine cannot be written as an image.
pub fn snapshot_of(
    machine: &Partition,
    log_id: [u8; 16],
    last_record_checksum: Option<u64>,
    created_at_ms: u64,
) -> Result<Snapshot, onsale_engine::ImageError> {
    let mut image = Vec::new();
    machine.encode_image(&mut image)?;
    Ok(Snapshot {
        header: SnapshotHeader {
            machine_version: machine.machine_version(),
            log_id,
            partition: machine.id(),
            next_offset: machine.next_offset(),
            epoch: machine.epoch(),
            log_time_ms: machine.log_time_ms(),
            digest: machine.digest(),
            last_outcome: machine.last_outcome(),
            last_record_checksum,
            created_at_ms,
        },
        image,
    })
}

/// Does one job after another with `write`, counting what fails; `after` runs behind each.
pub(crate) fn work_off(
    jobs: &SnapshotReceiver,
    failures: &IntCounter,
    mut write: impl FnMut(&Cut, bool) -> Result<Written, String>,
    mut after: impl FnMut(),
) {
    while let Some(job) = jobs.recv() {
        let mut written = Vec::with_capacity(job.cuts.len());
        let mut failure = None;
        for cut in &job.cuts {
            match write(cut, job.reply.is_some()) {
                Ok(done) => written.push(done),
                Err(error) => {
                    tracing::error!(partition = %cut.machine.id(), %error, "no snapshot written");
                    failures.inc();
                    failure.get_or_insert(error);
                }
            }
        }
        if let Some(reply) = job.reply {
            // The caller may have gone.
            drop(reply.send(failure.map_or(Ok(written), Err)));
        }
        after();
    }
}
