//! The snapshot thread: turns frozen machines into files and database rows, off every hot path.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Receiver;
use onsale_engine::Partition;
use onsale_log::journal::Journal;
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_snapshot::{Snapshot, SnapshotHeader};
use onsale_store::Store;
use tokio::sync::oneshot;

use super::shared::Shared;
use crate::clock;
use crate::metrics::Metrics;
use crate::projector::Projected;

/// How often a waiting snapshot looks whether the projection has passed it, in milliseconds.
const PROJECTION_POLL_MS: u64 = 5;

/// A frozen machine and what its snapshot has to remember beside it.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) machine: Partition,
    pub(super) last_record_checksum: Option<u64>,
    pub(super) created_at_ms: u64,
}

/// Who waits for snapshots that were asked for.
pub(super) type CutReply = oneshot::Sender<Result<Vec<Written>, String>>;

/// Machines frozen together.
#[derive(Debug)]
pub(super) struct SnapshotJob {
    pub(super) cuts: Vec<Cut>,
    pub(super) reply: Option<CutReply>,
}

/// A snapshot that is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// The newest snapshot of each partition.
#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<Vec<Option<Written>>>);

impl Newest {
    pub(super) fn get(&self, partition: PartitionId) -> Option<Written> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(usize::from(partition.0)).copied().flatten()
    }

    pub(super) fn set(&self, written: Written) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::from(written.partition.0);
        if all.len() <= index {
            all.resize(index + 1, None);
        }
        all[index] = Some(written);
    }
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Snapshots of each partition.
    pub snapshots_kept: u32,
    /// Log records older than this that no kept snapshot needs may go; `None` keeps all.
    pub log_age_max_ms: Option<u64>,
    /// Whether snapshots are stored in the database too.
    pub in_database: bool,
}

/// Writes snapshots.
pub(super) struct SnapshotWriter {
    pub(super) directory: Directory,
    pub(super) store: Store,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) journal: Journal,
    pub(super) projected: Projected,
    pub(super) shared: Arc<Shared>,
    pub(super) newest: Arc<Newest>,
    pub(super) retention: Retention,
    pub(super) metrics: Metrics,
}

impl SnapshotWriter {
    /// Works until the follower is gone and its last job is done.
    pub(super) fn run(self, jobs: &Receiver<SnapshotJob>) {
        while let Ok(job) = jobs.recv() {
            let mut written = Vec::with_capacity(job.cuts.len());
            let mut failure = None;
            for cut in &job.cuts {
                match self.write(cut, job.reply.is_some()) {
                    Ok(done) => written.push(done),
                    Err(error) => {
                        tracing::error!(partition = %cut.machine.id(), %error, "no snapshot written");
                        failure.get_or_insert(error);
                    }
                }
            }
            if let Some(reply) = job.reply {
                // Whoever asked may have gone.
                drop(reply.send(failure.map_or(Ok(written), Err)));
            }
            self.trim_log();
        }
    }

    fn write(&self, cut: &Cut, asked_for: bool) -> Result<Written, String> {
        let partition = cut.machine.id();
        let next_offset = cut.machine.next_offset();
        if let Some(newest) = self.newest.get(partition)
            && newest.next_offset == next_offset
        {
            return Ok(newest);
        }
        self.wait_for_projection(partition, next_offset, asked_for)?;
        // Older snapshots and log may go now, so the watermark must not fall back behind this one.
        self.runtime
            .block_on(self.store.make_durable())
            .map_err(|error| error.to_string())?;
        let snapshot = self.encode(cut)?;
        let size_bytes = self
            .directory
            .save(&snapshot)
            .map_err(|error| error.to_string())?;
        if self.retention.in_database {
            self.store_in_database(&snapshot);
        }
        if let Err(error) =
            self.directory
                .prune(partition, self.retention.snapshots_kept, Some(next_offset))
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
        let label = partition.to_string();
        let seconds = i64::try_from(created_at_ms / 1_000).unwrap_or(i64::MAX);
        self.metrics
            .snapshot_created_seconds
            .with_label_values(&[label.as_str()])
            .set(seconds);
        tracing::info!(%partition, next_offset, size_bytes, "snapshot written");
        Ok(written)
    }

    /// A snapshot must not be ahead of the projection: a start from it could not project what is in
    /// between.
    fn wait_for_projection(
        &self,
        partition: PartitionId,
        next_offset: Offset,
        asked_for: bool,
    ) -> Result<(), String> {
        while self.projected.offset(partition) < next_offset {
            if self.projected.is_stopped() {
                return Err("the projector has stopped; snapshots may not run ahead of it".into());
            }
            if asked_for && self.projected.is_unreachable() {
                return Err(
                    "the database does not take the projection, and a snapshot may not run \
                            ahead of it; ask again once it does"
                        .into(),
                );
            }
            if self.shared.is_stop_overdue() {
                return Err(
                    "stopping before the database caught up; the next start replays from an \
                            older snapshot"
                        .into(),
                );
            }
            std::thread::sleep(Duration::from_millis(PROJECTION_POLL_MS));
        }
        Ok(())
    }

    fn encode(&self, cut: &Cut) -> Result<Snapshot, String> {
        let machine = &cut.machine;
        let mut image = Vec::new();
        machine
            .encode_image(&mut image)
            .map_err(|error| error.to_string())?;
        Ok(Snapshot {
            header: SnapshotHeader {
                machine_version: machine.machine_version(),
                log_id: self.journal.log_id(),
                partition: machine.id(),
                next_offset: machine.next_offset(),
                epoch: machine.epoch(),
                log_time_ms: machine.log_time_ms(),
                digest: machine.digest(),
                last_outcome: machine.last_outcome(),
                last_record_checksum: cut.last_record_checksum,
                created_at_ms: cut.created_at_ms,
            },
            image,
        })
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

    /// Deletes log segments that are older than configured and that no kept snapshot needs.
    fn trim_log(&self) {
        self.metrics
            .log_disk_bytes
            .set(i64::try_from(self.journal.stats().disk_bytes).unwrap_or(i64::MAX));
        let Some(age_max_ms) = self.retention.log_age_max_ms else {
            return;
        };
        let cutoff_ms = clock::now_ms().saturating_sub(age_max_ms);
        let result = (0..self.journal.partitions())
            .map(|partition| {
                let partition = PartitionId(partition);
                let by_age = self
                    .journal
                    .offset_at_time(partition, cutoff_ms)
                    .map_err(|error| error.to_string())?;
                let needed = self
                    .directory
                    .oldest_offset(partition)
                    .map_err(|error| error.to_string())?
                    .unwrap_or(0);
                Ok((partition, by_age.min(needed)))
            })
            .collect::<Result<Vec<_>, String>>()
            .and_then(|keep_from| {
                self.journal
                    .truncate_before(&keep_from)
                    .map_err(|error| error.to_string())
            });
        match result {
            Ok(0) => {}
            Ok(segments) => tracing::info!(segments, "old log segments deleted"),
            Err(error) => tracing::warn!(%error, "old log segments could not be deleted"),
        }
    }
}
