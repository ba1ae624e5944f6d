//! Puts the parts of the embedded mode together, and takes them apart again in order.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use onsale_engine::MACHINE_VERSION_SECOND;
use onsale_log::LogError;
use onsale_log::journal::{Journal, JournalOptions};
use onsale_schemas::{LogTimeMs, NodeName, Offset, PartitionId, RequestId, Staff};
use onsale_snapshot::SnapshotError;
use onsale_snapshot::directory::Directory;
use onsale_store::booking::projected_offset;
use onsale_store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use super::core::Core;
use super::database::Database;
use super::follower::{Follower, Held, ToFollower};
use super::handle::{EmbeddedLog, ResetRefused};
use super::recovery::{self, Recovered};
use super::shared::{OwnerPosition, Shared};
use super::snapshots::{Retention, SnapshotWriter};
use crate::clock::{self, ClockRefused, ClockState, ClockWatch};
use crate::counts_feed::CountsFeed;
use crate::fit::{self, FitError, Misfit};
use crate::gauges::Progress;
use crate::metrics::Metrics;
use crate::projector::{BATCHES_QUEUED_MAX, Projected, Projector};
use crate::reconcile::{self, Applied, ApplyError, Projections, Report};
use crate::recovery::RecoveryError;
use crate::replica::{Replica, SnapshotPolicy};
use crate::snapshots::{self, Newest, Shelf, SnapshotJob, Written};
use crate::threads;

/// Requests to the follower that may wait.
const CONTROL_QUEUED_MAX: usize = 16;

/// Settings of the embedded mode.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Name of this node in the log.
    pub node: NodeName,
    /// Folder of the journal.
    pub journal_dir: PathBuf,
    /// Folder of the snapshots.
    pub snapshots_dir: PathBuf,
    /// Settings of the journal.
    pub journal: JournalOptions,
    /// When snapshots are cut.
    pub snapshots: SnapshotPolicy,
    /// What is kept.
    pub retention: Retention,
    /// How long the log may have been silent before a start takes the clock for wrong, in days; 0
    /// is for ever.
    pub silence_max_days: u64,
}

/// Why the embedded mode does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The clock of this machine.
    #[error(transparent)]
    Clock(#[from] ClockRefused),
    /// The snapshots.
    #[error("snapshots: {0}")]
    Snapshot(#[from] SnapshotError),
    /// Snapshot plus log do not give a state.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The database.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The projection was lost and could not be repaired from the engine's state.
    #[error("the projection was lost and cannot be repaired: {0}")]
    Repair(#[from] ApplyError),
    /// The database is not of this log.
    #[error(transparent)]
    Misfit(Misfit),
    /// It cannot be told whether it is.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

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
    log: EmbeddedLog,
    log_id: [u8; 16],
    snapshots_dir: PathBuf,
    partitions: u16,
    shared: Arc<Shared>,
    projected: Projected,
    newest: Arc<Newest>,
    control: Sender<ToFollower>,
    metrics: Metrics,
    failed: watch::Receiver<Option<String>>,
    database: Database,
    /// `None` once they are joined.
    threads: Mutex<Option<Threads>>,
}

#[derive(Debug)]
struct Threads {
    core: JoinHandle<()>,
    follower: JoinHandle<()>,
    snapshots: JoinHandle<()>,
    projector: tokio::task::JoinHandle<()>,
    /// Let go with them, so that the folder is free then.
    journal: Journal,
}

impl Embedded {
    /// Opens the log, recovers every partition and starts to serve. Call it inside a runtime.
    ///
    /// # Errors
    /// Everything that would make going on wrong; nothing was changed then but a torn tail cut.
    pub async fn start(
        options: EmbeddedOptions,
        store: Store,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        Self::start_with_counts(options, store, metrics, None).await
    }

    /// Like [`Embedded::start`], with a projector that tells `counts` what it projected.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub async fn start_with_counts(
        options: EmbeddedOptions,
        store: Store,
        metrics: Metrics,
        counts: Option<CountsFeed>,
    ) -> Result<Self, StartError> {
        clock::check_wall(clock::now_ms())?;
        // As it was before this start touches it.
        let written_ms = last_change_ms(&options.journal_dir);
        let (writer, journal) = Journal::open(&options.journal_dir, &options.journal)?;
        let directory = Directory::open(&options.snapshots_dir)?;
        let started = std::time::Instant::now();
        let misfit = match refuse_foreign(&journal, &store).await? {
            None => {
                let kept = snapshots::kept_in(&options.snapshots_dir)?.into_iter();
                let offsets = kept.map(|snapshot| (snapshot.partition, snapshot.next_offset));
                fit::look_back(&store, offsets).await?
            }
            misfit => misfit,
        };
        let recovered = recovery::recover(&journal, &directory, &store).await?;
        let log_end_ms = recovered.iter().map(|r| r.owner.log_time_ms()).max();
        let log_end_ms = log_end_ms.unwrap_or(0);
        clock::check_start(
            clock::now_ms(),
            log_end_ms,
            written_ms,
            options.silence_max_days,
        )?;
        repair_lost_projections(&recovered, &store, journal.log_id()).await?;
        for projected in recovered.iter().map(|found| &found.follower) {
            if projected.machine_version() >= MACHINE_VERSION_SECOND {
                store.assume_version_2(projected.id()).await?;
            }
        }
        let database = Database::look(&recovered, &store, misfit).await?;
        let records: u64 = recovered
            .iter()
            .map(|r| r.owner.next_offset() - r.follower.next_offset())
            .sum();
        tracing::info!(
            partitions = recovered.len(),
            replayed = records,
            ms = started.elapsed().as_millis(),
            "state recovered"
        );

        let shared = Arc::new(Shared::new(
            journal.partitions(),
            ClockWatch::start(log_end_ms),
        ));
        let ends = recovered.iter().map(|r| r.owner.next_offset()).collect();
        let (log, queue, feed) = EmbeddedLog::new(ends, shared.clone());
        let newest = Arc::new(Newest::default());
        let watermarks = store.watermarks().await?;
        let offsets = recovered
            .iter()
            .map(|r| projected_offset(&watermarks, r.owner.id()))
            .collect();
        let (projector, projected) = Projector::new(store.clone(), metrics.clone(), offsets);
        let projector = projector.with_counts(counts);
        let (to_projector, batches) = mpsc::channel(BATCHES_QUEUED_MAX);
        let (to_snapshots, jobs) = crossbeam_channel::unbounded::<SnapshotJob>();
        let (control, controls) = crossbeam_channel::bounded(CONTROL_QUEUED_MAX);
        let (fail, failed) = watch::channel(None);

        let follower = {
            let starts: Vec<_> = recovered
                .iter()
                .map(|r| (r.follower.id(), r.follower.next_offset()))
                .collect();
            Follower {
                replicas: recovered
                    .iter()
                    .map(|r| {
                        let policy = Some(options.snapshots);
                        Replica::new(r.follower.clone(), options.node.clone(), policy)
                    })
                    .collect(),
                last_record_checksums: recovered
                    .iter()
                    .map(|r| r.follower_last_record_checksum)
                    .collect(),
                scan: journal.scan(&starts)?,
                shared: shared.clone(),
                pending: std::collections::VecDeque::new(),
                to_projector: Some(to_projector),
                projected: projected.clone(),
                snapshots: to_snapshots,
                control: controls,
                metrics: metrics.clone(),
                gauges_at: None,
            }
        };
        for snapshot in recovered.iter().filter_map(|r| r.snapshot.as_ref()) {
            newest.set(Written::of(snapshot));
        }
        let batch_bytes_max = writer.batch_size_max_bytes();
        let owners = recovered
            .into_iter()
            .map(|r| Replica::new(r.owner, options.node.clone(), None))
            .collect();
        let core = Core::new(
            owners,
            writer,
            queue,
            feed,
            shared.clone(),
            metrics.clone(),
            batch_bytes_max,
        );
        let snapshot_writer = SnapshotWriter {
            shelf: Shelf {
                log_id: journal.log_id(),
                directory,
                store,
                runtime: tokio::runtime::Handle::current(),
                newest: newest.clone(),
                kept: options.retention.snapshots_kept,
                in_database: options.retention.in_database,
                metrics: metrics.clone(),
            },
            journal: journal.clone(),
            projected: projected.clone(),
            shared: shared.clone(),
            log_age_max_ms: options.retention.log_age_max_ms,
        };
        let threads = Threads {
            core: threads::spawn("core", {
                let shared = shared.clone();
                move || run_core(core, &shared, &fail)
            })?,
            follower: threads::spawn("follower", {
                let shared = shared.clone();
                move || run_follower(follower, &shared)
            })?,
            snapshots: threads::spawn("snapshots", move || snapshot_writer.run(&jobs))?,
            projector: tokio::spawn(projector.run(batches)),
            journal: journal.clone(),
        };
        let embedded = Self {
            log,
            log_id: journal.log_id(),
            snapshots_dir: options.snapshots_dir,
            partitions: journal.partitions(),
            shared,
            projected,
            newest,
            control,
            metrics,
            failed,
            database,
            threads: Mutex::new(Some(threads)),
        };
        embedded.wait_until_serving().await;
        Ok(embedded)
    }

    /// The log for an ingress.
    pub fn log(&self) -> EmbeddedLog {
        self.log.clone()
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

    /// The offset after the last record that the owner of a partition has applied.
    pub fn owner_next(&self, partition: PartitionId) -> Offset {
        self.shared.owner(partition).next_offset
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
            warnings.push("the projector has stopped: run `onsale reconcile`".to_owned());
        }
        if self.projected.is_unreachable() {
            warnings.push("the database does not take the projection".to_owned());
        }
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
        reconcile::compare(machines, behind, projections, self.log_id, now_ms).await
    }

    /// Repairs the database from a report. A projector that had refused to go on does so, now that
    /// the database is where the held machines are.
    ///
    /// # Errors
    /// When the report may not be applied, or the database fails.
    pub async fn apply<'a>(
        &self,
        report: &Report,
        held: &Held,
        projections: impl Into<Projections<'a>>,
    ) -> Result<Applied, ApplyError> {
        if let Some(why) = held
            .projection_behind
            .as_ref()
            .filter(|_| !held.projector_stopped)
        {
            return Err(ApplyError::Moving(why.clone()));
        }
        let (machines, now_ms) = (&held.machines, clock::now_ms());
        let mut applied =
            reconcile::apply(report, machines, projections, self.log_id, now_ms).await?;
        if applied.projection_moved && !self.projected.repaired().await {
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

    async fn wait_until_serving(&self) {
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

fn run_core<W: onsale_log::LogWriter>(
    core: Core<W>,
    shared: &Shared,
    fail: &watch::Sender<Option<String>>,
) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| core.run()));
    let why = match result {
        Ok(Ok(())) => {
            shared.announce_batch();
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the core thread panicked".to_owned(),
    };
    tracing::error!(why, "the core has stopped: this process must end");
    shared.set_serving(false);
    fail.send_replace(Some(why));
    shared.stop();
}

fn run_follower(follower: Follower, shared: &Shared) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| follower.run()));
    let why = match result {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the follower thread panicked".to_owned(),
    };
    tracing::error!(
        why,
        "the follower has stopped: projection and snapshots stand still, sales go on"
    );
    shared.fail_follower(why);
}

/// When a file of this folder was changed last, in milliseconds since 1970; 0 where there is none.
fn last_change_ms(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .filter_map(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
        .map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        .max()
        .unwrap_or(0)
}

/// Nothing is written into the database of another log. What does not fit otherwise is given back.
async fn refuse_foreign(journal: &Journal, store: &Store) -> Result<Option<Misfit>, StartError> {
    let (log_id, mut reader) = (journal.log_id(), journal.reader());
    let misfit = fit::look(store, log_id, journal.partitions(), &mut reader).await?;
    if let Some(foreign) = misfit.as_ref().filter(|misfit| misfit.is_foreign()) {
        return Err(StartError::Misfit(foreign.clone()));
    }
    let watermarks = store.watermarks().await?;
    fit::write_down(store, log_id, &watermarks, &mut reader).await?;
    Ok(misfit)
}

/// A database that was lost or replaced is brought to the engine's state before it is projected to
/// again: its rows for the time before are no longer in the log.
async fn repair_lost_projections(
    recovered: &[Recovered],
    store: &Store,
    log_id: [u8; 16],
) -> Result<(), StartError> {
    for lost in recovered.iter().filter(|r| r.projection_lost) {
        let machines = [lost.follower.clone()];
        let partition = lost.follower.id();
        let behind = "the database stands before anything the log can still give";
        tracing::warn!(%partition, "{behind}: its rows are repaired from the engine's state");
        let now_ms = clock::now_ms();
        let report = reconcile::compare(&machines, Some(behind), store, log_id, now_ms).await?;
        let applied = reconcile::apply(&report, &machines, store, log_id, now_ms).await?;
        for left in applied.left {
            tracing::error!(%partition, left, "not repaired");
        }
    }
    Ok(())
}
