//! The embedded log as an ingress sees it.

use std::sync::Arc;

use async_trait::async_trait;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use onsale_log::{CommandLog, OutcomeBatch, Reply, Submission, SubmitError};
use onsale_schemas::{
    LogTimeMs, Offset, Outcome, PartitionId, RequestId, ShowId, ShowSeats, Staff,
};
use tokio::sync::{broadcast, oneshot};

use super::state::EmbeddedState;

/// Commands that may wait in front of the core thread; more are shed with `QueueFull`. At 100,000
/// a second this is a sixth of a second.
pub(super) const SUBMISSIONS_QUEUED_MAX: usize = 16_384;
/// Batches of outcomes that a reader of the feed may lag behind before it loses the oldest.
const FEED_BATCHES_MAX: usize = 1_024;

/// What the core thread is asked.
#[derive(Debug)]
pub(super) enum ToCore {
    Submit(Submission),
    Inspect(Inspect),
    ResetClock(ResetClock),
}

/// Takes the clock of this machine as right; the answer has one reply to come for each partition.
#[derive(Debug)]
pub(super) struct ResetClock {
    pub(super) request: RequestId,
    /// Who asks.
    pub(super) by: Staff,
    pub(super) reply: oneshot::Sender<Result<Vec<oneshot::Receiver<Reply>>, ResetRefused>>,
}

/// Machine time was not set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResetRefused {
    /// The log does not know how yet.
    #[error(
        "partition {partition} is at machine version {version}; a clock is reset from version \
         {needed} on, which a barrier in the log switches on once every node is upgraded"
    )]
    Version {
        /// The partition.
        partition: PartitionId,
        /// Its version.
        version: u16,
        /// The one that is needed.
        needed: u16,
    },
    /// The record was not appended, or it is not known.
    #[error("{0}; look at `onsale clock status` and try again")]
    Submit(SubmitError),
    /// The machine refused.
    #[error("partition {partition} answered {outcome:?}")]
    Outcome {
        /// The partition.
        partition: PartitionId,
        /// What it answered.
        outcome: Box<Outcome>,
    },
}

impl From<SubmitError> for ResetRefused {
    fn from(error: SubmitError) -> Self {
        Self::Submit(error)
    }
}

/// A question about a show's seats; the core answers between two batches.
#[derive(Debug)]
pub(super) struct Inspect {
    pub(super) partition: PartitionId,
    pub(super) show: ShowId,
    pub(super) reply: oneshot::Sender<Option<ShowSeats>>,
}

/// A handle to the core thread, cheap to clone.
#[derive(Clone, Debug)]
pub struct EmbeddedLog {
    /// The end of each partition's log at the start.
    began_at: Arc<[Offset]>,
    queue: Sender<ToCore>,
    feed: broadcast::Sender<Arc<OutcomeBatch>>,
    shared: Arc<EmbeddedState>,
}

impl EmbeddedLog {
    pub(super) fn new(
        began_at: Arc<[Offset]>,
        shared: Arc<EmbeddedState>,
    ) -> (Self, Receiver<ToCore>, broadcast::Sender<Arc<OutcomeBatch>>) {
        let (queue, receiver) = crossbeam_channel::bounded(SUBMISSIONS_QUEUED_MAX);
        let (feed, _) = broadcast::channel(FEED_BATCHES_MAX);
        (
            Self {
                began_at,
                queue,
                feed: feed.clone(),
                shared,
            },
            receiver,
            feed,
        )
    }

    /// Commands waiting in front of the core thread.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes the clock of this machine as right: a record in every partition sets machine time to
    /// it, also when that is back, and says that `by` asked. Gives machine time before and after by partition.
    ///
    /// # Errors
    /// When the record cannot be appended.
    pub async fn reset_clock(
        &self,
        request: RequestId,
        by: Staff,
    ) -> Result<Vec<(PartitionId, LogTimeMs, LogTimeMs)>, ResetRefused> {
        let unavailable = || ResetRefused::Submit(SubmitError::Unavailable);
        let (reply, answer) = oneshot::channel();
        self.send(ToCore::ResetClock(ResetClock { request, by, reply }))?;
        let pending = answer.await.map_err(|_| unavailable())??;
        let mut done = Vec::new();
        for (partition, received) in (0..).map(PartitionId).zip(pending) {
            match received.await.map_err(|_| unavailable())??.outcome {
                Outcome::ClockReset { from_ms, to_ms } => done.push((partition, from_ms, to_ms)),
                other => {
                    let outcome = Box::new(other);
                    return Err(ResetRefused::Outcome { partition, outcome });
                }
            }
        }
        Ok(done)
    }

    fn send(&self, message: ToCore) -> Result<(), SubmitError> {
        if self.shared.is_stopping() || !self.shared.is_serving() {
            return Err(SubmitError::Unavailable);
        }
        self.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::QueueFull,
            TrySendError::Disconnected(_) => SubmitError::Unavailable,
        })
    }
}

#[async_trait]
impl CommandLog for EmbeddedLog {
    fn partitions(&self) -> u16 {
        u16::try_from(self.began_at.len()).unwrap_or(u16::MAX)
    }

    fn began_at(&self, partition: PartitionId) -> Offset {
        let began_at = self.began_at.get(usize::from(partition.0));
        began_at.copied().unwrap_or(0)
    }

    async fn may_hold(&self, partition: PartitionId, offset: Offset) -> bool {
        offset < self.began_at(partition).max(self.shared.log_end(partition))
    }

    fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        self.send(ToCore::Submit(submission))
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<OutcomeBatch>> {
        self.feed.subscribe()
    }

    async fn show_seats(
        &self,
        partition: PartitionId,
        show: ShowId,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.send(ToCore::Inspect(Inspect {
            partition,
            show,
            reply,
        }))?;
        answer.await.map_err(|_| SubmitError::Unavailable)
    }
}
