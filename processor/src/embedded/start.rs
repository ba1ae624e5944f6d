//! Opens the log, recovers every partition and puts the parts of the embedded mode together.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use onsale_engine::MACHINE_VERSION_SECOND;
use onsale_log::LogError;
use onsale_log::journal::{Journal, JournalOptions, JournalWriter};
use onsale_schemas::{LogTimeMs, NodeName, Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_store::booking::projected_offset;
use onsale_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};

use super::core::Core;
use super::database::Database;
use super::follower::Follower;
use super::handle::EmbeddedLog;
use super::recovery::{self, Recovered};
use super::runtime::{Embedded, Threads};
use super::snapshots::{Retention, SnapshotWriter};
use super::state::EmbeddedState;
use crate::audit_months;
use crate::clock::{self, ClockWatch};
use crate::counts_feed::CountsFeed;
use crate::fit::{self, FitError, KeptSnapshots, Misfit};
use crate::metrics::Metrics;
use crate::projector::{BATCHES_QUEUED_MAX, Projector};
use crate::reconcile::{self, ApplyError, Engine};
use crate::replica::{Replica, SnapshotPolicy};
use crate::snapshots::{Newest, Shelf, Written, snapshot_queue};
use crate::start::StartFailure;
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
    /// What either mode needs.
    #[error(transparent)]
    Start(#[from] StartFailure),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The projection was lost and could not be repaired from the engine's state.
    #[error("the projection was lost and cannot be repaired: {0}")]
    Repair(ApplyError),
    /// Whether it is cannot be determined.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The database cannot be brought to the version of this program.
    #[error("database migrations: {0}")]
    Migrations(StoreError),
}

/// The log, and the state recovered from it.
struct Opened {
    writer: JournalWriter,
    journal: Journal,
    directory: Directory,
    recovered: Vec<Recovered>,
    log_end_ms: LogTimeMs,
    database: Database,
    /// The partition whose watermark is beyond the end of the log.
    beyond: Option<PartitionId>,
}

impl Opened {
    async fn open(options: &EmbeddedOptions, store: &Store) -> Result<Self, StartError> {
        clock::check_wall(clock::now_ms()).map_err(StartFailure::from)?;
        let kept = KeptSnapshots::read(&options.snapshots_dir).map_err(StartFailure::from)?;
        // Before there is a new one in the place of a log that was lost.
        let lost = fit::look_for_lost_log(&options.journal_dir, &kept, Some(store)).await?;
        if let Some(lost) = lost {
            return Err(StartFailure::Misfit(lost).into());
        }
        // As it was before this start touches it.
        let written_ms = last_change_ms(&options.journal_dir);
        let (writer, journal) = Journal::open(&options.journal_dir, &options.journal)?;
        let directory = Directory::open(&options.snapshots_dir).map_err(StartFailure::from)?;
        let started = std::time::Instant::now();
        // What it cannot do without is an error of the database behind this line.
        let of_this_version = match store.check_schema().await {
            Ok(()) => Some(look_at_schema(store).await?),
            Err(_) => None,
        };
        // It may be another one's: until this has passed nothing is written to it.
        let misfit = refuse_foreign(&journal, store, &kept).await?;
        let schema = match of_this_version {
            Some(schema) => schema,
            None => {
                migrate(store).await?;
                look_at_schema(store).await?
            }
        };
        fit::warn_of_later_version(store).await;
        audit_months::make(store).await;
        let watermarks = store.watermarks().await?;
        let mut reader = journal.reader();
        fit::write_down(store, journal.log_id(), &watermarks, &mut reader).await?;
        let misfit = match misfit {
            None => fit::look_back(store, kept.offsets()).await?,
            misfit => misfit,
        };
        let beyond = match &misfit {
            Some(Misfit::WatermarkBeyond { partition, .. }) => Some(*partition),
            _ => None,
        };
        let recovered = recovery::recover(&journal, &directory, store)
            .await
            .map_err(StartFailure::from)?;
        let log_end_ms = recovered.iter().map(|r| r.owner.log_time_ms()).max();
        let log_end_ms = log_end_ms.unwrap_or(0);
        clock::check_start(
            clock::now_ms(),
            log_end_ms,
            written_ms,
            options.silence_max_days,
        )
        .map_err(StartFailure::from)?;
        repair_lost_projections(&recovered, store, journal.log_id()).await?;
        for projected in recovered.iter().map(|found| &found.follower) {
            if projected.machine_version() >= MACHINE_VERSION_SECOND {
                store.assume_version_2(projected.id()).await?;
            }
        }
        let database = Database::look(&recovered, store, misfit, schema).await?;
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
        Ok(Self {
            writer,
            journal,
            directory,
            recovered,
            log_end_ms,
            database,
            beyond,
        })
    }
}

impl Embedded {
    /// Opens the log, brings the database to the version of this program if it belongs to the log,
    /// recovers every partition and starts to serve. Call it inside a runtime.
    ///
    /// # Errors
    /// Everything that would make going on wrong; where the database or the snapshots are another log's,
    /// nothing was changed then but a torn tail cut.
    pub async fn start(
        options: EmbeddedOptions,
        store: Store,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        Self::start_with_counts(options, store, metrics, None).await
    }

    /// Like [`Embedded::start`], with a projector that passes on to `counts` what it projected.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub async fn start_with_counts(
        options: EmbeddedOptions,
        store: Store,
        metrics: Metrics,
        counts: Option<CountsFeed>,
    ) -> Result<Self, StartError> {
        let opened = Opened::open(&options, &store).await?;
        let (journal, recovered) = (opened.journal, opened.recovered);
        let clock = ClockWatch::start(opened.log_end_ms);
        let shared = Arc::new(EmbeddedState::new(journal.partitions(), clock));
        let ends = recovered.iter().map(|r| r.owner.next_offset()).collect();
        let (log, queue, feed) = EmbeddedLog::new(ends, shared.clone());
        let newest = Arc::new(Newest::default());
        for snapshot in recovered.iter().filter_map(|r| r.snapshot.as_ref()) {
            newest.set(Written::of(snapshot));
        }
        let offsets = projected_offsets(&recovered, &store).await?;
        let (projector, projected) = Projector::new(store.clone(), metrics.clone(), offsets);
        let projector = projector.alone().refused_at_first(opened.beyond);
        let projector = projector.with_counts(counts);
        let (to_projector, batches) = mpsc::channel(BATCHES_QUEUED_MAX);
        let (to_snapshots, jobs) = snapshot_queue();
        let (control, controls) = crossbeam_channel::bounded(CONTROL_QUEUED_MAX);
        let (fail, failed) = watch::channel(None);

        let follower = Follower {
            replicas: followers(&recovered, &options),
            last_record_checksums: recovered
                .iter()
                .map(|r| r.follower_last_record_checksum)
                .collect(),
            scan: journal.scan(&followed_from(&recovered))?,
            shared: shared.clone(),
            pending: std::collections::VecDeque::new(),
            to_projector: Some(to_projector),
            projected: projected.clone(),
            snapshots: to_snapshots,
            control: controls,
            metrics: metrics.clone(),
            gauges_at: None,
        };
        let batch_bytes_max = opened.writer.batch_size_max_bytes();
        let core = Core::new(
            owners(recovered, &options.node),
            opened.writer,
            queue,
            feed,
            shared.clone(),
            metrics.clone(),
            batch_bytes_max,
        );
        let snapshot_writer = SnapshotWriter {
            shelf: Shelf {
                log_id: journal.log_id(),
                directory: opened.directory,
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
        let (of_core, of_follower) = (shared.clone(), shared.clone());
        let threads = Threads {
            core: threads::spawn("core", move || run_core(core, &of_core, &fail))
                .map_err(StartFailure::Thread)?,
            follower: threads::spawn("follower", move || run_follower(follower, &of_follower))
                .map_err(StartFailure::Thread)?,
            snapshots: threads::spawn("snapshots", move || snapshot_writer.run(&jobs))
                .map_err(StartFailure::Thread)?,
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
            database: opened.database,
            threads: Mutex::new(Some(threads)),
        };
        embedded.wait_until_serving().await;
        Ok(embedded)
    }
}

/// The machines that own the partitions.
fn owners(recovered: Vec<Recovered>, node: &NodeName) -> Vec<Replica> {
    let machines = recovered.into_iter().map(|r| r.owner);
    machines
        .map(|machine| Replica::new(machine, node.clone(), None))
        .collect()
}

/// Those that follow behind the journal and cut the snapshots.
fn followers(recovered: &[Recovered], options: &EmbeddedOptions) -> Vec<Replica> {
    let machines = recovered.iter().map(|r| r.follower.clone());
    machines
        .map(|machine| Replica::new(machine, options.node.clone(), Some(options.snapshots)))
        .collect()
}

/// Where each follower continues.
fn followed_from(recovered: &[Recovered]) -> Vec<(PartitionId, Offset)> {
    recovered
        .iter()
        .map(|r| (r.follower.id(), r.follower.next_offset()))
        .collect()
}

/// Where the projection of each partition is; not beyond the end of the log, where a row that was changed
/// by hand may be.
async fn projected_offsets(
    recovered: &[Recovered],
    store: &Store,
) -> Result<Vec<Offset>, StoreError> {
    let watermarks = store.watermarks().await?;
    let owners = recovered.iter().map(|r| &r.owner);
    Ok(owners
        .map(|owner| projected_offset(&watermarks, owner.id()).min(owner.next_offset()))
        .collect())
}

fn run_core<W: onsale_log::LogWriter>(
    core: Core<W>,
    shared: &EmbeddedState,
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

fn run_follower(follower: Follower, shared: &EmbeddedState) {
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

/// Looks what someone has deleted by hand, and says it.
async fn look_at_schema(store: &Store) -> Result<Option<Misfit>, StoreError> {
    let missing = fit::look_at_schema(store).await?;
    if let Some(missing) = &missing {
        tracing::error!("{missing}");
    }
    Ok(missing)
}

async fn migrate(store: &Store) -> Result<(), StartError> {
    let applied = store.migrate().await.map_err(StartError::Migrations)?;
    if applied > 0 {
        tracing::info!(applied, "database schema brought up to date");
    }
    Ok(())
}

/// Nothing is written into the database of another log, or beside the snapshots of one. What does not
/// fit otherwise is given back.
async fn refuse_foreign(
    journal: &Journal,
    store: &Store,
    kept: &KeptSnapshots,
) -> Result<Option<Misfit>, StartError> {
    let (log_id, mut reader) = (journal.log_id(), journal.reader());
    let misfit = fit::look(store, log_id, journal.partitions(), &mut reader).await?;
    if let Some(foreign) = misfit.as_ref().filter(|misfit| misfit.is_foreign()) {
        return Err(StartFailure::Misfit(foreign.clone()).into());
    }
    if let Some(foreign) = kept.look(log_id, &reader)? {
        return Err(StartFailure::Misfit(foreign).into());
    }
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
        let engine = Engine {
            machines: &machines,
            log_id,
            // It no longer goes back far enough.
            log: None,
        };
        let applied = reconcile::apply(&report, engine, store, now_ms, None)
            .await
            .map_err(StartError::Repair)?;
        for left in applied.left {
            tracing::error!(%partition, left, "not repaired");
        }
    }
    Ok(())
}
