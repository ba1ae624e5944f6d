//! The snapshot thread of the embedded mode: snapshots wait for the projection, the log is trimmed
//! behind them.

use std::sync::Arc;
use std::time::Duration;

use onsale_log::journal::Journal;
use onsale_schemas::{Offset, PartitionId};

use super::state::EmbeddedState;
use crate::projector::Projected;
use crate::snapshots::{Cut, Shelf, SnapshotReceiver, Written, work_off};

/// How often a waiting snapshot looks whether the projection has passed it, in milliseconds.
const PROJECTION_POLL_MS: u64 = 5;

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
    pub(super) shelf: Shelf,
    pub(super) journal: Journal,
    pub(super) projected: Projected,
    pub(super) shared: Arc<EmbeddedState>,
    /// See [`Retention::log_age_max_ms`].
    pub(super) log_age_max_ms: Option<u64>,
}

impl SnapshotWriter {
    /// Works until the follower is gone and its last job is done.
    pub(super) fn run(self, jobs: &SnapshotReceiver) {
        work_off(
            jobs,
            &self.shelf.metrics.snapshot_failures,
            |cut, asked_for| self.write(cut, asked_for),
            || self.trim_log(),
        );
    }

    fn write(&self, cut: &Cut, asked_for: bool) -> Result<Written, String> {
        let partition = cut.machine.id();
        let next_offset = cut.machine.next_offset();
        if let Some(written) = self.shelf.written_at(partition, next_offset) {
            return Ok(written);
        }
        self.wait_for_projection(partition, next_offset, asked_for)?;
        // Older snapshots and log may go now, so the watermark must not fall back behind this one.
        self.shelf
            .runtime
            .block_on(self.shelf.store.make_durable())
            .map_err(|error| error.to_string())?;
        self.shelf.write(cut)
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

    /// Deletes log segments that are older than configured and that no kept snapshot needs.
    fn trim_log(&self) {
        let Some(age_max_ms) = self.log_age_max_ms else {
            return;
        };
        // As old as machine time says: a clock that leaps must not empty the log. What is stamped
        // later than now is of a clock that was set back since, and says nothing.
        let now_ms = self.shared.clock().state().machine_ms;
        let recent = now_ms.saturating_sub(age_max_ms)..=now_ms;
        let result = (0..self.journal.partitions())
            .map(|partition| {
                let partition = PartitionId(partition);
                let by_age = self
                    .journal
                    .offset_in_time(partition, &recent)
                    .map_err(|error| error.to_string())?;
                let needed = self
                    .shelf
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
