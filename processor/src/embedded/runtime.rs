//! The running embedded mode, and how it is taken apart again in order.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use onsale_log::journal::Journal;
use onsale_log::{LogError, LogReader, OpenLog};
use onsale_schemas::{LogTimeMs, PartitionId, RequestId, Staff};
use onsale_snapshot::SnapshotError;
use onsale_store::StoreError;
use onsale_store::audit::Actor;
use tokio::sync::{oneshot, watch};

use super::database::Database;
use super::follower::{Held, ToFollower};
use super::handle::{EmbeddedLog, ResetRefused};
use super::state::{EmbeddedState, OwnerPosition};
use crate::clock::{self, ClockState};
use crate::fit::REPAIR;
use crate::gauges::Progress;
use crate::metrics::Metrics;
use crate::projector::Projected;
use crate::reconcile::{self, Applied, ApplyError, Engine, OpenAgain, Projections, Report};
use crate::snapshots::{self, Newest, Written};
use crate::threads;

/// Where one partition stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// The partition.
    pub partition: PartitionId,
    /// Where its owner is.
    pub owner: OwnerPosition,
    /// Where its follower is.
    pub follower_next: u64,
    /// Where its projection is.
    pub projected_next: u64,
    /// Its newest snapshot.
    pub snapshot: Option<Written>,
}

/// A running embedded processor.
#[derive(Debug)]
pub struct Embedded {
    pub(super) log: EmbeddedLog,
    pub(super) log_id: [u8; 16],
    pub(super) snapshots_dir: PathBuf,
    pub(super) partitions: u16,
    pub(super) shared: Arc<EmbeddedState>,
    pub(super) projected: Projected,
    pub(super) newest: Arc<Newest>,
    pub(super) control: Sender<ToFollower>,
    pub(super) metrics: Metrics,
    pub(super) failed: watch::Receiver<Option<String>>,
    pub(super) database: Database,
    /// `None` once they are joined.
    pub(super) threads: Mutex<Option<Threads>>,
}

#[derive(Debug)]
pub(super) struct Threads {
    pub(super) core: JoinHandle<()>,
    pub(super) follower: JoinHandle<()>,
    pub(super) snapshots: JoinHandle<()>,
    pub(super) projector: tokio::task::JoinHandle<()>,
    /// Let go with them, so that the folder is free then.
    pub(super) journal: Journal,
}

impl Embedded {
    /// The log for an ingress.
    pub fn log(&self) -> EmbeddedLog {
        self.log.clone()
    }

    /// Reads the open journal, without looking through its files again; `None` once it is closed. Let
    /// go of it soon: the journal's folder is free only then.
    pub fn read_log(&self) -> Option<OpenLog> {
        let threads = self.threads();
        let journal = &threads.as_ref()?.journal;
        Some(OpenLog {
            partitions: journal.partitions(),
            reader: Box::new(journal.reader()),
        })
    }

    /// As [`Embedded::read_log`], any number of times.
    fn log_again(&self) -> Option<OpenAgain> {
        let journal = self.threads().as_ref()?.journal.clone();
        let open =
            move || -> Result<Box<dyn LogReader>, LogError> { Ok(Box::new(journal.reader())) };
        Some(Arc::new(open))
    }

    /// Where the projection is.
    pub fn projected(&self) -> Projected {
        self.projected.clone()
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The snapshots that are kept on disk, newest first within a partition.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Written>, SnapshotError> {
        snapshots::kept_in(&self.snapshots_dir)
    }

    /// Where every partition stands.
    pub fn status(&self) -> Vec<Status> {
        (0..self.partitions)
            .map(|partition| {
                let partition = PartitionId(partition);
                Status {
                    partition,
                    owner: self.shared.owner(partition),
                    follower_next: self.shared.follower(partition),
                    projected_next: self.projected.offset(partition),
                    snapshot: self.newest.get(partition),
                }
            })
            .collect()
    }

    /// What stands in the way of serving well, one sentence each; empty when nothing does.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(why) = self.failed.borrow().as_ref() {
            problems.push(why.clone());
        } else if !self.shared.is_serving() {
            problems.push("the log is not served".to_owned());
        }
        if self.shared.is_disk_full() {
            problems.push("the log's disk is full".to_owned());
        }
        let clock = self.clock();
        if !clock.was_followed {
            problems.extend(clock.problem());
        }
        problems.extend(self.database.problem(&self.projected));
        if self.shared.is_short_of_descriptors() {
            problems.push("the log finds no free file descriptor".to_owned());
        }
        problems
    }

    /// What is wrong without standing in the way of a sale.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        // Holds and sales go on by the time that really passes, so that is no reason to stop them.
        let clock = self.clock();
        if clock.was_followed {
            warnings.extend(clock.problem());
        }
        if let Some(why) = self.shared.follower_failure() {
            warnings.push(format!("projection and snapshots have stopped: {why}"));
        }
        if self.projected.is_stopped() {
            warnings.push(format!("the projector has stopped: {REPAIR}"));
        }
        if self.projected.is_unreachable() {
            warnings.push("the database does not take the projection".to_owned());
        }
        warnings.extend(self.database.only_in_a_backup());
        warnings.extend(self.database.damage());
        warnings
    }

    /// Where machine time and the clock of this machine stand.
    pub fn clock(&self) -> ClockState {
        self.shared.clock().state()
    }

    /// Takes the clock of this machine as right, by a record in every partition. Gives machine time
    /// before and after.
    ///
    /// # Errors
    /// When the log does not know how yet, or does not take the records.
    pub async fn reset_clock(
        &self,
        request: RequestId,
        by: Staff,
    ) -> Result<Vec<(PartitionId, LogTimeMs, LogTimeMs)>, ResetRefused> {
        self.log.reset_clock(request, by).await
    }

    /// Brings the gauges up to date; called when metrics are read.
    pub fn refresh_metrics(&self, db_connections_in_use: u32) {
        let metrics = &self.metrics;
        let mut live_holds = 0;
        for status in self.status() {
            let next_offset = status.owner.next_offset;
            metrics.show_progress(&Progress {
                partition: status.partition,
                next_offset,
                lag: next_offset.saturating_sub(status.follower_next),
                snapshot: status.snapshot,
            });
            let behind = next_offset.saturating_sub(status.projected_next);
            metrics.show_projection_lag(status.partition, behind);
            live_holds += status.owner.live_holds;
        }
        if let Some(threads) = &*self.threads() {
            let bytes = threads.journal.stats().disk_bytes;
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            metrics.log_disk_bytes.set(bytes);
        }
        let clock = self.clock();
        metrics.show_clock("machine", clock.wall_ahead_ms, !clock.is_followed);
        metrics.show_db_connections(db_connections_in_use);
        metrics.show_live_holds(live_holds);
        metrics.show_queued(self.log.queued());
    }

    /// Cuts snapshots now, of one partition or of all, and waits until they are written.
    ///
    /// # Errors
    /// Why one could not be written.
    pub async fn snapshot(&self, partition: Option<PartitionId>) -> Result<Vec<Written>, String> {
        let (reply, answer) = oneshot::channel();
        self.ask(ToFollower::Snapshot { partition, reply })?;
        answer
            .await
            .map_err(|_| "the follower has stopped".to_owned())?
    }

    /// Holds the follower at a position that the projection has reached, until the answer is
    /// dropped. Sales go on meanwhile.
    ///
    /// # Errors
    /// When the follower has stopped.
    pub async fn hold(&self) -> Result<Held, HoldError> {
        let (reply, answer) = oneshot::channel();
        self.ask(ToFollower::Hold { reply }).map_err(HoldError)?;
        answer
            .await
            .map_err(|_| HoldError("the follower has stopped".to_owned()))
    }

    /// Compares held machines with the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn compare<'a>(
        &self,
        held: &Held,
        projections: impl Into<Projections<'a>>,
    ) -> Result<Report, StoreError> {
        let behind = held.projection_behind.as_deref();
        let (machines, now_ms) = (&held.machines, clock::now_ms());
        let projections = projections.into();
        let mut report =
            reconcile::compare(machines, behind, projections, self.log_id, now_ms).await?;
        reconcile::compare_watermarks(machines, projections.store, &mut report).await?;
        Ok(report)
    }

    /// Repairs the database from a report. A projector that had refused to go on does so, now that
    /// the database is where the held machines are. The audit trail says that it was done `by` this
    /// operator.
    ///
    /// # Errors
    /// When the report may not be applied, or the database fails.
    pub async fn apply<'a>(
        &self,
        report: &Report,
        held: &Held,
        projections: impl Into<Projections<'a>>,
        by: &Actor,
    ) -> Result<Applied, ApplyError> {
        if let Some(why) = held
            .projection_behind
            .as_ref()
            .filter(|_| !held.projector_stopped)
        {
            return Err(ApplyError::Moving(why.clone()));
        }
        let log = self.log_again();
        let engine = Engine {
            machines: &held.machines,
            log_id: self.log_id,
            log: log.as_ref(),
        };
        let now_ms = clock::now_ms();
        let mut applied = reconcile::apply(report, engine, projections, now_ms, Some(by)).await?;
        // Where nothing is left to be repaired, one that had stopped looks again; it stops again at once
        // where the database does not begin where the held machines are.
        let is_repaired = held.projector_stopped && applied.left.is_empty();
        let goes_on = applied.projection_moved || is_repaired;
        if goes_on && !self.projected.repaired().await {
            applied
                .left
                .push("the projector is gone: start the server again".to_owned());
        }
        Ok(applied)
    }

    /// Completes with the reason once the core has stopped without being asked. The process has to
    /// end then.
    pub fn failure(&self) -> impl Future<Output = String> + use<> {
        let mut failed = self.failed.clone();
        async move {
            match failed.wait_for(Option::is_some).await {
                Ok(why) => why.clone().unwrap_or_default(),
                // The core ended in order: there is no failure to wait for.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Stops in order: what is queued is appended and answered, the follower and the projector catch
    /// up, a last snapshot is cut. A second call does nothing.
    pub async fn stop(&self) {
        self.shared.stop();
        let threads = self.threads().take();
        let Some(threads) = threads else { return };
        let Threads {
            core,
            follower,
            snapshots,
            projector,
            journal,
        } = threads;
        drop(journal);
        threads::join([core, follower, snapshots]).await;
        projector.abort();
    }

    fn threads(&self) -> MutexGuard<'_, Option<Threads>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, message: ToFollower) -> Result<(), String> {
        self.control.try_send(message).map_err(|_| {
            self.shared
                .follower_failure()
                .unwrap_or_else(|| "the follower is busy".to_owned())
        })
    }

    pub(super) async fn wait_until_serving(&self) {
        let mut failed = self.failed.clone();
        while !self.shared.is_serving() && failed.borrow_and_update().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// The follower cannot be held.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HoldError(String);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use onsale_log::journal::JournalOptions;
    use onsale_log::{CommandLog as _, Submission};
    use onsale_schemas::command::{Admission, OpenShow, ZoneLayout};
    use onsale_schemas::{Actor, Command, Envelope, EventId, NodeName, ShowId, UserId};
    use onsale_store::Store;
    use prometheus::Registry;

    use super::*;
    use crate::embedded::{EmbeddedOptions, Retention};
    use crate::replica::SnapshotPolicy;

    fn options(folder: &Path) -> EmbeddedOptions {
        EmbeddedOptions {
            node: NodeName("one".to_owned()),
            journal_dir: folder.join("log"),
            snapshots_dir: folder.join("snapshots"),
            journal: JournalOptions::new(1),
            snapshots: SnapshotPolicy {
                every_records: 1_000,
                every_ms: 600_000,
            },
            retention: Retention {
                snapshots_kept: 1,
                log_age_max_ms: None,
                in_database: false,
            },
            silence_max_days: 0,
        }
    }

    async fn start(folder: &Path) -> Embedded {
        let url = format!("sqlite://{}", folder.join("onsale.sqlite").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        let metrics = Metrics::register(&Registry::new()).unwrap();
        Embedded::start(options(folder), store, metrics)
            .await
            .unwrap()
    }

    /// As on Kafka: it is said, and everything else is sold meanwhile.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_show_that_only_a_backup_brings_back_is_named_and_holds_up_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = start(folder.path()).await;
        assert_eq!(embedded.warnings(), Vec::<String>::new());
        let open = Command::OpenShow(OpenShow {
            show: ShowId::from_bytes([1; 16]),
            event: EventId::from_bytes([2; 16]),
            max_tickets_per_user: 0,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: 4_000_000_000_000,
            hold_ms: 600_000,
            zones: vec![ZoneLayout {
                unit_price: 100,
                currency: "THB".parse().unwrap(),
                admission: Admission::General { capacity: 10 },
            }],
        });
        let request_id = RequestId(uuid::Uuid::from_u128(1));
        let envelope = Envelope::machine(open);
        let (submission, received) = Submission::new(PartitionId(0), request_id, envelope).unwrap();
        embedded.log().submit(submission).unwrap();
        received.await.unwrap().unwrap();
        embedded.stop().await;

        let embedded = start(folder.path()).await;
        assert_eq!(embedded.problems(), Vec::<String>::new());
        let warnings = embedded.warnings();
        let said = "lacks 1 of 1 shows of which the log has no document";
        assert!(warnings[0].contains(said), "{warnings:?}");
        embedded.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_open_journal_is_read_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = start(folder.path()).await;
        let partition = PartitionId(0);
        let request_id = RequestId(uuid::Uuid::from_u128(1));
        let envelope = Envelope::machine(Command::Release {
            booking: 9,
            by: Actor::Buyer(UserId::from_bytes([1; 16])),
        });
        let (submission, received) = Submission::new(partition, request_id, envelope).unwrap();
        embedded.log().submit(submission).unwrap();
        let offset = received.await.unwrap().unwrap().offset;

        let log = embedded.read_log().unwrap();
        let (_, end) = log.reader.bounds(partition).unwrap();
        assert_eq!((log.partitions, end > offset), (1, true));
        drop(log);
        embedded.stop().await;
        assert!(embedded.read_log().is_none());
        let journal = folder.path().join("log");
        assert!(!Journal::is_in_use(&journal), "the folder is free");
    }
}
