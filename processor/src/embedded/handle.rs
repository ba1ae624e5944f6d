//! The embedded log as an ingress sees it.

use std::sync::Arc;

use async_trait::async_trait;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use onsale_log::{CommandLog, OutcomeBatch, Submission, SubmitError};
use onsale_schemas::{Offset, PartitionId, ShowId, ShowSeats};
use tokio::sync::{broadcast, oneshot};

use super::shared::Shared;

/// Commands that may wait in front of the core thread; more are shed with `QueueFull`. At 100,000
/// a second this is a sixth of a second.
pub const SUBMISSIONS_QUEUED_MAX: usize = 16_384;
/// Batches of outcomes that a reader of the feed may lag behind before it loses the oldest.
const FEED_BATCHES_MAX: usize = 1_024;

/// What the core thread is asked.
#[derive(Debug)]
pub(super) enum ToCore {
    Submit(Submission),
    Inspect(Inspect),
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
    shared: Arc<Shared>,
}

impl EmbeddedLog {
    pub(super) fn new(
        began_at: Arc<[Offset]>,
        shared: Arc<Shared>,
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
