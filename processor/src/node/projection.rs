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

use onsale_log::LogReader as _;
use onsale_log::kafka::{KafkaError, KafkaReader, KafkaSettings};
use onsale_schemas::{Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use reader::Reader;

use crate::counts_feed::CountsFeed;
use crate::metrics::Metrics;
use crate::projector::{BATCHES_QUEUED_MAX, Projected, Projector};
use crate::recovery::RecoveryError;
use crate::threads;

/// How often a database that does not answer is asked for its watermarks, in milliseconds.
const WATERMARKS_RETRY_MS: u64 = 1_000;
/// How often a projection that has stopped looks whether the database was repaired, in milliseconds.
const REPAIR_LOOK_MS: u64 = 1_000;

/// Why the projection stopped. Sales go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The topic cannot be read on.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Outcomes are missing in the topic.
    #[error(
        "partition {partition}: up to the outcome at offset {offset} the topic goes on from {got:?}, \
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
    /// The database is of another log, or the log was set back.
    #[error(transparent)]
    SetBack(#[from] RecoveryError),
    /// A thread or task is not there.
    #[error("a part of the projection is missing: {0}")]
    Thread(#[from] std::io::Error),
}

impl ProjectionError {
    /// The partition whose outcomes cannot be projected, where it is one's fault.
    fn partition(&self) -> Option<PartitionId> {
        match self {
            Self::Gap { partition, .. } => Some(*partition),
            Self::Kafka(_) | Self::SetBack(_) | Self::Thread(_) => None,
        }
    }
}

/// A running projector.
#[derive(Debug)]
pub struct Projection {
    projected: Projected,
    partitions: u16,
    stopping: watch::Sender<bool>,
    reading: watch::Receiver<bool>,
    /// `None` once it is joined.
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Projection {
    /// Asks the database where it stands, for as long as it takes, and goes on from there. Call it
    /// inside a runtime.
    ///
    /// # Errors
    /// When a client or thread cannot be made, or the database's schema is not the one of this
    /// program.
    pub async fn start(
        kafka: KafkaSettings,
        partitions: u16,
        store: Store,
        metrics: Metrics,
        counts: Option<CountsFeed>,
    ) -> Result<Self, ProjectionError> {
        let watermarks = watermarks(&store).await;
        let all = (0..partitions).map(PartitionId);
        let offsets = all.map(|p| projected_offset(&watermarks, p)).collect();
        let (projector, projected) = Projector::new(store.clone(), metrics.clone(), offsets);
        let (to_projector, batches) = mpsc::channel(BATCHES_QUEUED_MAX);
        let (stopping, is_stopping) = watch::channel(false);
        let (is_reading, reading) = watch::channel(true);
        let supervisor = Supervisor {
            kafka,
            partitions,
            store,
            metrics,
            to_projector,
            projected: projected.clone(),
            is_reading,
            stopping: is_stopping,
        };
        let reader = supervisor.read_after(&watermarks).await?;
        tokio::spawn(projector.with_counts(counts).run(batches));
        Ok(Self {
            projected,
            partitions,
            stopping,
            reading,
            supervisor: Mutex::new(Some(tokio::spawn(supervisor.run(reader)))),
        })
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
        if self.projected.is_stopped() || !*self.reading.borrow() {
            problems.push(
                "the projector has stopped: see its log, then run `onsale reconcile`".to_owned(),
            );
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
    partitions: u16,
    store: Store,
    metrics: Metrics,
    to_projector: mpsc::Sender<ProjectionBatch>,
    projected: Projected,
    is_reading: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
}

/// The thread that reads: how to end it, and how it ended.
struct Reading {
    stopping: Arc<AtomicBool>,
    ended: oneshot::Receiver<Result<(), ProjectionError>>,
}

impl Supervisor {
    async fn run(mut self, mut reading: Reading) {
        loop {
            let Some(partition) = self.stopped_at(reading).await else {
                return;
            };
            reading = loop {
                if !self.wait_for_repair(partition).await {
                    return;
                }
                match self.begin_again().await {
                    Ok(reading) => break reading,
                    Err(error) => tracing::error!(%error, "the projection cannot go on"),
                }
            };
        }
    }

    /// Waits until going on would be wrong and ends the reading; the partition that is to be
    /// repaired. `None` when a stop is asked for or nothing can be repaired.
    async fn stopped_at(&mut self, reading: Reading) -> Option<PartitionId> {
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
            return None;
        }
        self.is_reading.send_replace(false);
        self.metrics.projector_stopped.set(1);
        match read {
            Ok(Ok(())) => refused,
            Ok(Err(error)) => {
                tracing::error!(%error, "the projection has stopped; sales go on");
                error.partition().or(refused)
            }
            Err(_) => {
                tracing::error!("the thread that reads outcomes broke off");
                None
            }
        }
    }

    /// Waits until the database is beyond where the partition was projected to: that is the work of a
    /// reconciliation, or of another projector. False when a stop is asked for.
    async fn wait_for_repair(&mut self, partition: PartitionId) -> bool {
        let look = Duration::from_millis(REPAIR_LOOK_MS);
        loop {
            let stopped = self.stopping.wait_for(|stop| *stop);
            if tokio::time::timeout(look, stopped).await.is_ok() {
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

    async fn begin_again(&self) -> Result<Reading, ProjectionError> {
        if self.projected.is_stopped() && !self.projected.repaired().await {
            return Err(ProjectionError::Thread(std::io::Error::other(
                "the projector does not answer",
            )));
        }
        let watermarks = watermarks(&self.store).await;
        let reading = self.read_after(&watermarks).await?;
        self.metrics.projector_stopped.set(0);
        self.is_reading.send_replace(true);
        Ok(reading)
    }

    /// Begins to read what the database does not have.
    async fn read_after(&self, watermarks: &[Watermark]) -> Result<Reading, ProjectionError> {
        let checked = tokio::task::spawn_blocking({
            let (kafka, watermarks) = (self.kafka.clone(), watermarks.to_vec());
            move || check_log(&kafka, &watermarks)
        });
        let broken_off = |error| ProjectionError::Thread(std::io::Error::other(error));
        checked.await.map_err(broken_off)??;
        let stopping = Arc::new(AtomicBool::new(false));
        let reader = Reader::after(
            watermarks,
            self.partitions,
            self.to_projector.clone(),
            self.metrics.clone(),
            stopping.clone(),
        );
        let kafka = self.kafka.clone();
        let (ends, ended) = oneshot::channel();
        threads::spawn("outcomes", move || {
            // Nobody asks any more when the process ends.
            let _ = ends.send(reader.run(&kafka));
        })?;
        Ok(Reading { stopping, ended })
    }
}

async fn watermarks(store: &Store) -> Vec<Watermark> {
    let mut is_told = false;
    loop {
        match store.watermarks().await {
            Ok(watermarks) => return watermarks,
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "the database does not say where the projection stands; \
                        asking until it does");
                }
                tokio::time::sleep(Duration::from_millis(WATERMARKS_RETRY_MS)).await;
            }
        }
    }
}

/// A database that knows more than the log is one of another log: everything would seem projected.
fn check_log(kafka: &KafkaSettings, watermarks: &[Watermark]) -> Result<(), ProjectionError> {
    let reader = KafkaReader::new(kafka)?;
    for mark in watermarks {
        let (partition, projected) = (mark.partition, mark.next_offset);
        let (_, end) = reader.bounds(partition).map_err(RecoveryError::Log)?;
        if projected > end {
            return Err(ProjectionError::SetBack(RecoveryError::LogSetBack {
                partition,
                projected,
                end,
            }));
        }
    }
    Ok(())
}
