//! The projector role: reads the outcomes of every partition from where the database stands and
//! hands them to a [`Projector`].
//!
//! Several of them at once are harmless: the store drops what it has. A database that is down for
//! long holds up nothing but this: the outcomes wait in their topic. Where database and outcomes
//! contradict each other nothing is written any more, until the database was repaired.

mod reader;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onsale_log::kafka::{KafkaError, KafkaSettings};
use onsale_schemas::{Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use reader::Reader;

use super::database::{self, LogIdentity};
use crate::counts_feed::CountsFeed;
use crate::fit::{FitError, Misfit, REPAIR};
use crate::metrics::Metrics;
use crate::projector::{BATCHES_QUEUED_MAX, Projected, Projector};
use crate::threads;

/// How often a database that does not answer is asked for its watermarks, in milliseconds.
const WATERMARKS_RETRY_MS: u64 = 1_000;
/// How often a projection that stands still looks whether the database was repaired, in milliseconds.
const REPAIR_LOOK_MS: u64 = 1_000;

/// What is known here of a projection that the database contradicts.
const REFUSED: &str = "see its log, then run `onsale reconcile --report FILE`, then `onsale reconcile --apply \
     FILE`";

/// Why the projection stopped. Sales go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The topic cannot be read on.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Outcomes are missing in the topic.
    #[error(
        "partition {partition}: up to the outcome at offset {offset} the topic continues from {got:?}, \
         the database has outcomes up to {expected:?}: outcomes are missing in the topic; run \
         `onsale reconcile`"
    )]
    Gap {
        /// The partition.
        partition: PartitionId,
        /// The outcome that does not follow.
        offset: Offset,
        /// The last one projected.
        expected: Option<Offset>,
        /// The one it names.
        got: Option<Offset>,
    },
    /// The database is of another log, the log was set back, or outcomes that the database lacks are
    /// gone.
    #[error(transparent)]
    Misfit(Misfit),
    /// Database and log cannot be compared.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A thread or task is not there.
    #[error("a part of the projection is missing: {0}")]
    Thread(std::io::Error),
}

impl ProjectionError {
    /// The partition whose outcomes cannot be projected, where it is one's fault.
    fn partition(&self) -> Option<PartitionId> {
        match self {
            Self::Gap { partition, .. } => Some(*partition),
            Self::Kafka(_) | Self::Misfit(_) | Self::Fit(_) | Self::Thread(_) => None,
        }
    }
}

/// Where the reading is.
#[derive(Debug, Default)]
struct ReadingState {
    /// Why nothing is read.
    stopped: Option<String>,
    /// Where the outcomes ended when the database was found empty or older.
    filled_until: Vec<(PartitionId, Offset)>,
}

/// A running projector.
#[derive(Debug)]
pub struct Projection {
    projected: Projected,
    partitions: u16,
    stopping: watch::Sender<bool>,
    state: watch::Receiver<ReadingState>,
    /// `None` once it is joined.
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Projection {
    /// Asks the database for its position, for as long as it takes, and continues from there if it
    /// is one of this log; where it is not, that is said in [`Projection::problems`] and looked at
    /// again until it is. Call it inside a runtime.
    pub async fn start(
        kafka: KafkaSettings,
        log: LogIdentity,
        store: Store,
        metrics: Metrics,
        counts: Option<CountsFeed>,
    ) -> Self {
        let watermarks = watermarks(&store).await;
        let all = (0..log.partitions).map(PartitionId);
        let offsets = all.map(|p| projected_offset(&watermarks, p)).collect();
        let (projector, projected) = Projector::new(store.clone(), metrics.clone(), offsets);
        let (to_projector, batches) = mpsc::channel(BATCHES_QUEUED_MAX);
        let (stopping, is_stopping) = watch::channel(false);
        let (to_state, state) = watch::channel(ReadingState::default());
        let supervisor = Supervisor {
            kafka,
            log,
            store,
            metrics,
            to_projector,
            projected: projected.clone(),
            to_state,
            stopping: is_stopping,
        };
        let reading = supervisor.try_to_begin().await;
        tokio::spawn(projector.with_counts(counts).run(batches));
        Self {
            projected,
            partitions: log.partitions,
            stopping,
            state,
            supervisor: Mutex::new(Some(tokio::spawn(supervisor.run(reading)))),
        }
    }

    /// Where the projection is.
    pub fn projected(&self) -> &Projected {
        &self.projected
    }

    /// Where each partition's projection is.
    pub fn offsets(&self) -> Vec<(PartitionId, Offset)> {
        (0..self.partitions)
            .map(PartitionId)
            .map(|partition| (partition, self.projected.offset(partition)))
            .collect()
    }

    /// What is in the way, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let state = self.state.borrow();
        if let Some(why) = &state.stopped {
            problems.push(format!("the projector has stopped: {why}"));
        } else if self.projected.is_stopped() {
            problems.push(format!("the projector has stopped: {REFUSED}"));
        }
        let is_behind =
            |(partition, end): &&(PartitionId, Offset)| self.projected.offset(*partition) < *end;
        if let Some((partition, end)) = state.filled_until.iter().find(is_behind) {
            problems.push(format!(
                "the database was lost or is older than the log and is filled from it: partition \
                 {partition} is at {} of {end}; if that makes no progress, {REPAIR}",
                self.projected.offset(*partition)
            ));
        }
        if self.projected.is_unreachable() {
            problems.push("the database does not take the projection".to_owned());
        }
        problems
    }

    /// Stops reading; what is being projected is finished or done again at the next start.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let supervisor = lock(&self.supervisor).take();
        if let Some(supervisor) = supervisor
            && supervisor.await.is_err()
        {
            tracing::error!("the task that reads outcomes broke off");
        }
    }
}

/// There is nothing in it that a panic could leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Projection {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
    }
}

/// Has outcomes read, and read again once a database was repaired that had contradicted them.
struct Supervisor {
    kafka: KafkaSettings,
    log: LogIdentity,
    store: Store,
    metrics: Metrics,
    to_projector: mpsc::Sender<ProjectionBatch>,
    projected: Projected,
    to_state: watch::Sender<ReadingState>,
    stopping: watch::Receiver<bool>,
}

/// The thread that reads: how to end it, and how it ended.
struct Reading {
    stopping: Arc<AtomicBool>,
    ended: oneshot::Receiver<Result<(), ProjectionError>>,
}

/// Why nothing is read any more.
enum Stopped {
    /// The node stops, or the thread that reads is defect.
    ForGood,
    /// The database contradicts the outcomes of this partition.
    UntilRepaired(PartitionId),
    /// The brokers did not answer: they may at the next attempt.
    Interrupted,
}

impl Supervisor {
    /// Goes on from a first attempt to begin.
    async fn run(mut self, mut reading: Option<Reading>) {
        loop {
            while reading.is_none() {
                if self.is_stopped_within(REPAIR_LOOK_MS).await {
                    return;
                }
                reading = self.try_to_begin().await;
            }
            let Some(begun) = reading.take() else {
                continue;
            };
            match self.stopped_at(begun).await {
                Stopped::ForGood => return,
                Stopped::UntilRepaired(partition) => {
                    if !self.wait_for_repair(partition).await {
                        return;
                    }
                    reading = self.try_to_begin().await;
                }
                Stopped::Interrupted => {}
            }
        }
    }

    /// Says why nothing is read, once for each reason.
    fn stand_still(&self, why: String) {
        self.metrics.projector_stopped.set(1);
        self.to_state.send_if_modified(|state| {
            let is_new = state.stopped.as_ref() != Some(&why);
            if is_new {
                tracing::error!("the projection has stopped; sales go on: {why}");
                state.stopped = Some(why);
            }
            is_new
        });
    }

    /// Waits until nothing can be read on, and ends the reading.
    async fn stopped_at(&mut self, reading: Reading) -> Stopped {
        let Reading {
            stopping,
            mut ended,
        } = reading;
        let mut projected = self.projected.clone();
        let (read, refused) = tokio::select! {
            _ = self.stopping.wait_for(|stop| *stop) => (None, None),
            refused = projected.refused() => (None, refused),
            read = &mut ended => (Some(read), None),
        };
        stopping.store(true, Ordering::Relaxed);
        let read = match read {
            Some(read) => read,
            None => ended.await,
        };
        if *self.stopping.borrow() {
            return Stopped::ForGood;
        }
        match read {
            Ok(Ok(())) => {
                self.stand_still(REFUSED.to_owned());
                refused.map_or(Stopped::ForGood, Stopped::UntilRepaired)
            }
            Ok(Err(error)) => {
                self.stand_still(error.to_string());
                let to_repair = error.partition().or(refused);
                to_repair.map_or(Stopped::Interrupted, Stopped::UntilRepaired)
            }
            Err(_) => {
                self.stand_still("the thread that reads outcomes broke off".to_owned());
                Stopped::ForGood
            }
        }
    }

    /// Waits until the database is beyond where the partition was projected to: that is the work of a
    /// reconciliation, or of another projector. False when a stop is asked for.
    async fn wait_for_repair(&mut self, partition: PartitionId) -> bool {
        loop {
            if self.is_stopped_within(REPAIR_LOOK_MS).await {
                return false;
            }
            // A database that does not answer was not repaired.
            if let Ok(watermarks) = self.store.watermarks().await
                && projected_offset(&watermarks, partition) > self.projected.offset(partition)
            {
                return true;
            }
        }
    }

    async fn is_stopped_within(&mut self, wait_ms: u64) -> bool {
        let stopped = self.stopping.wait_for(|stop| *stop);
        let wait = Duration::from_millis(wait_ms);
        tokio::time::timeout(wait, stopped).await.is_ok()
    }

    /// Begins to read if nothing speaks against it, and says so otherwise.
    async fn try_to_begin(&self) -> Option<Reading> {
        match self.begin().await {
            Ok(reading) => {
                self.metrics.projector_stopped.set(0);
                self.to_state.send_modify(|state| state.stopped = None);
                Some(reading)
            }
            Err(error) => {
                self.stand_still(error.to_string());
                None
            }
        }
    }

    async fn begin(&self) -> Result<Reading, ProjectionError> {
        self.compare().await?;
        if self.projected.is_stopped() && !self.projected.repaired().await {
            return Err(ProjectionError::Thread(std::io::Error::other(
                "the projector does not answer",
            )));
        }
        let watermarks = watermarks(&self.store).await;
        self.read_after(&watermarks)
    }

    /// Nothing is written into the database of another log: everything would seem projected, or what
    /// is there would be lost.
    async fn compare(&self) -> Result<(), ProjectionError> {
        let found = database::look(&self.kafka, self.log, &self.store).await?;
        match found {
            Some(found) if !found.is_brought => return Err(ProjectionError::Misfit(found.misfit)),
            Some(found) => {
                let ends = database::outcomes_ends(&self.kafka, self.log.partitions).await?;
                match found.misfit {
                    // So is one that is new, and filled within a moment.
                    Misfit::Empty { .. } => tracing::info!(
                        ?ends,
                        "the database is empty and is filled from the outcomes"
                    ),
                    older => tracing::warn!(?ends, "{older}"),
                }
                self.to_state.send_modify(|state| state.filled_until = ends);
            }
            None => {}
        }
        Ok(database::write_down(&self.kafka, self.log, &self.store).await?)
    }

    /// Begins to read what the database does not have.
    fn read_after(&self, watermarks: &[Watermark]) -> Result<Reading, ProjectionError> {
        let stopping = Arc::new(AtomicBool::new(false));
        let reader = Reader::after(
            watermarks,
            self.log.partitions,
            self.to_projector.clone(),
            self.metrics.clone(),
            stopping.clone(),
        );
        let kafka = self.kafka.clone();
        let (ends, ended) = oneshot::channel();
        threads::spawn("outcomes", move || {
            // Nothing asks any more when the process ends.
            let _ = ends.send(reader.run(&kafka));
        })
        .map_err(ProjectionError::Thread)?;
        Ok(Reading { stopping, ended })
    }
}

async fn watermarks(store: &Store) -> Vec<Watermark> {
    let mut is_logged = false;
    loop {
        match store.watermarks().await {
            Ok(watermarks) => return watermarks,
            Err(error) => {
                if !std::mem::replace(&mut is_logged, true) {
                    tracing::warn!(%error, "the database does not say where the projection is; \
                                            asking until it does");
                }
                tokio::time::sleep(Duration::from_millis(WATERMARKS_RETRY_MS)).await;
            }
        }
    }
}
