//! The log on Kafka as an ingress sees it.

mod follower;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use onsale_schemas::{Offset, PartitionId, ShowId, ShowSeats};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, broadcast, watch};

use self::follower::Follower;
use super::commands::{CommandProducer, CommandProducerOptions, Delivered, SendError};
use super::outcome_consumer::{OutcomeConsumer, OutcomeStart};
use super::{KafkaError, KafkaSettings, Topics};
use crate::commands::{CommandLog, OutcomeBatch, Submission, SubmitError};
use crate::waiters::Waiters;

const THREAD: &str = "kafka-replies";
/// Longest wait for a broker to say where a partition ends.
const END_WAIT: Duration = Duration::from_secs(1);
/// Requests for the end of a partition in flight at a time. Only made-up booking ids cause that
/// many, so further ones are answered as unknown.
const ENDS_ASKED_MAX: usize = 16;

/// Where live views start from: the relational store.
#[async_trait]
pub trait SeatSource: Send + Sync {
    /// The seats of a show as of an offset not before `seen`, the newest outcome of the partition
    /// that this ingress has read (`None` when it has read none). `None` when there is no such
    /// show.
    ///
    /// # Errors
    /// [`SubmitError::Unavailable`] when the store does not answer or does not get that far in a
    /// bounded time.
    async fn show_seats(
        &self,
        partition: PartitionId,
        show: ShowId,
        seen: Option<Offset>,
    ) -> Result<Option<ShowSeats>, SubmitError>;
}

/// Limits of a [`KafkaCommandLog`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KafkaCommandLogOptions {
    /// Most requests waiting for their outcome; the next one gets [`SubmitError::QueueFull`].
    pub pending_max: usize,
    /// How long a request may wait before it is forgotten (its outcome is then *unknown* to the
    /// waiter, and found by `/requests/{id}` later).
    pub pending_timeout: Duration,
    /// Limits of the producer of commands.
    pub producer: CommandProducerOptions,
    /// Batches of outcomes by which a slow follower may be behind.
    pub feed_batches_max: usize,
}

impl Default for KafkaCommandLogOptions {
    fn default() -> Self {
        Self {
            pending_max: 65_536,
            pending_timeout: Duration::from_secs(30),
            producer: CommandProducerOptions::default(),
            feed_batches_max: 4_096,
        }
    }
}

/// Whether requests can be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Serving {
    /// Not every partition has answered a barrier yet: those that are missing.
    Starting(Vec<PartitionId>),
    /// Every partition answers.
    Ready,
    /// The log is shorter than it was, and why: no more commands are accepted. A restart does not
    /// help.
    SetBack(String),
    /// Reading stopped for good, and why; the process should be restarted.
    Stopped(String),
}

/// Sends commands to Kafka and finds their outcomes by request id. Several submissions may wait for
/// the same request id (a client that repeats a request with an idempotency key): each gets the
/// outcome of its own record.
pub struct KafkaCommandLog {
    producer: CommandProducer,
    seats: Arc<dyn SeatSource>,
    shared: Arc<IngressLogState>,
    ends_asked: Arc<Semaphore>,
}

/// State shared by submitting and following.
struct IngressLogState {
    partitions: u16,
    options: KafkaCommandLogOptions,
    pending: Mutex<Waiters>,
    feed: broadcast::Sender<Arc<OutcomeBatch>>,
    serving: watch::Sender<Serving>,
    /// One more than the first outcome read of each partition, which was its newest one at the
    /// start; 0 for none yet.
    began_at: Vec<AtomicU64>,
    /// One more than the newest outcome read of each partition; 0 for none.
    seen: Vec<AtomicU64>,
    stop: AtomicBool,
}

impl IngressLogState {
    /// No more commands are accepted or answered.
    fn end(&self, why: String) {
        self.serving.send_replace(Serving::Stopped(why));
        self.pending.lock().clear();
    }

    /// No more commands are accepted; outcomes that are read still reach their waiters.
    fn refuse(&self, why: String) {
        let is_new = self.serving.send_if_modified(|serving| {
            let is_new = !matches!(serving, Serving::SetBack(_) | Serving::Stopped(_));
            if is_new {
                *serving = Serving::SetBack(why.clone());
            }
            is_new
        });
        if is_new {
            tracing::error!(why, "no command is taken any more");
            self.pending.lock().clear();
        }
    }

    /// One more than the newest outcome read of a partition; 0 for none.
    fn seen(&self, partition: PartitionId) -> Offset {
        let seen = self.seen.get(usize::from(partition.0));
        seen.map_or(0, |seen| seen.load(Ordering::Acquire))
    }

    /// Compares where a partition's commands end with the outcomes that had been read before.
    fn look_at_end(&self, partition: PartitionId, end: Offset, seen: Offset) {
        if end < seen {
            self.refuse(format!(
                "partition {partition}: the commands topic is shorter than it was, it ends at {end} \
                 and has outcomes up to {}: it was recreated or set back. Restore it, or begin a new \
                 log with another kafka.topic_prefix, a new database and empty snapshots folders",
                seen - 1
            ));
        }
    }

    fn is_over(&self) -> bool {
        matches!(
            *self.serving.borrow(),
            Serving::Stopped(_) | Serving::SetBack(_)
        )
    }
}

impl KafkaCommandLog {
    /// Starts following outcomes and sends a barrier through each partition. Blocks for a few round
    /// trips.
    ///
    /// # Errors
    /// When no client can be created from the settings or the brokers do not answer.
    pub fn start(
        settings: &KafkaSettings,
        topics: &Topics,
        seats: Arc<dyn SeatSource>,
        options: KafkaCommandLogOptions,
    ) -> Result<Self, KafkaError> {
        let partitions: Vec<PartitionId> = (0..topics.partitions).map(PartitionId).collect();
        let producer = CommandProducer::new(settings, options.producer)?;
        let mut outcomes = OutcomeConsumer::new(settings)?;
        let from: Vec<_> = partitions
            .iter()
            // The newest one says how far the partition is, even if no request waits for it.
            .map(|partition| (*partition, OutcomeStart::Last))
            .collect();
        let ends = outcomes.assign(&from)?;
        let shared = Arc::new(IngressLogState {
            partitions: topics.partitions,
            options,
            pending: Mutex::new(Waiters::new(options.pending_max)),
            feed: broadcast::Sender::new(options.feed_batches_max),
            serving: watch::Sender::new(Serving::Starting(partitions.clone())),
            began_at: partitions.iter().map(|_| AtomicU64::new(0)).collect(),
            seen: partitions.iter().map(|_| AtomicU64::new(0)).collect(),
            stop: AtomicBool::new(false),
        });
        let follower = Follower::new(
            Arc::clone(&shared),
            producer.clone(),
            outcomes,
            &partitions,
            &ends,
        );
        std::thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || follower.run())
            .map_err(|cause| KafkaError::Thread {
                name: THREAD,
                cause,
            })?;
        Ok(Self {
            producer,
            seats,
            shared,
            ends_asked: Arc::new(Semaphore::new(ENDS_ASKED_MAX)),
        })
    }

    /// Whether requests can be answered, and every change of that.
    pub fn serving(&self) -> watch::Receiver<Serving> {
        self.shared.serving.subscribe()
    }

    /// The newest outcome that was read of a partition.
    pub fn seen(&self, partition: PartitionId) -> Option<Offset> {
        self.shared.seen(partition).checked_sub(1)
    }

    /// Requests waiting for their outcome now.
    pub fn pending(&self) -> usize {
        self.shared.pending.lock().len()
    }

    /// Accepts no more commands and stops following. Waiting requests get the answer that their
    /// outcome is unknown.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.end("the process is stopping".to_owned());
    }
}

impl Drop for KafkaCommandLog {
    fn drop(&mut self) {
        self.stop();
    }
}

#[async_trait]
impl CommandLog for KafkaCommandLog {
    fn partitions(&self) -> u16 {
        self.shared.partitions
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn began_at(&self, partition: PartitionId) -> Offset {
        let began_at = self.shared.began_at.get(usize::from(partition.0));
        began_at.map_or(0, |offset| offset.load(Ordering::Acquire))
    }

    /// Another process may have read and reported what this one has not read yet, so the broker is
    /// asked: it shows no processor a record beyond the end that it reports.
    async fn may_hold(&self, partition: PartitionId, offset: Offset) -> bool {
        if offset < self.shared.seen(partition) {
            return true;
        }
        let Ok(permit) = Arc::clone(&self.ends_asked).try_acquire_owned() else {
            return true;
        };
        let producer = self.producer.clone();
        let end = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            producer.end(partition, END_WAIT)
        });
        // A log that was set back ends before what was reported earlier.
        let end = end.await.ok().flatten();
        self.shared.is_over() || end.is_none_or(|end| offset < end)
    }

    fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        if self.shared.is_over() {
            return Err(SubmitError::Unavailable);
        }
        let Submission {
            partition,
            request_id,
            payload,
            reply,
        } = submission;
        let ticket = self
            .shared
            .pending
            .lock()
            .add(partition, request_id, reply, Instant::now())
            .ok_or(SubmitError::QueueFull)?;
        let shared = Arc::clone(&self.shared);
        let seen = shared.seen(partition);
        let done = move |delivered: Result<Delivered, SendError>| {
            if let Ok(at) = &delivered {
                // What was appended after an outcome cannot be before it.
                shared.look_at_end(partition, at.offset, seen);
            }
            let mut pending = shared.pending.lock();
            match delivered {
                Ok(at) => pending.reported(ticket, Some(at.offset)),
                Err(SendError::Unknown(why)) => {
                    tracing::warn!(%request_id, "a command may or may not be in the log: {why}");
                    pending.reported(ticket, None);
                }
                Err(error @ (SendError::QueueFull | SendError::Refused(_))) => {
                    tracing::warn!(%request_id, "a command was refused: {error}");
                    pending.refused(ticket, SubmitError::Unavailable);
                }
            }
        };
        self.producer
            .send(partition, &payload, Box::new(done))
            .map_err(|error| {
                let error = match error {
                    SendError::QueueFull => SubmitError::QueueFull,
                    SendError::Refused(why) | SendError::Unknown(why) => {
                        tracing::warn!(%request_id, "a command was not sent: {why}");
                        SubmitError::Unavailable
                    }
                };
                self.shared.pending.lock().refused(ticket, error);
                error
            })
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<OutcomeBatch>> {
        self.shared.feed.subscribe()
    }

    async fn show_seats(
        &self,
        partition: PartitionId,
        show: ShowId,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        self.seats
            .show_seats(partition, show, self.seen(partition))
            .await
    }
}

impl std::fmt::Debug for KafkaCommandLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaCommandLog")
            .field("partitions", &self.shared.partitions)
            .field("serving", &*self.shared.serving.borrow())
            .finish_non_exhaustive()
    }
}
