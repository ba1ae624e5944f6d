//! The log as an ingress sees it.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_schemas::codec::{self, CodecError};
use onsale_schemas::{Envelope, Offset, OutcomeRecord, PartitionId, RequestId, ShowId, ShowSeats};
use tokio::sync::{broadcast, oneshot};

/// A command on its way into the log.
#[derive(Debug)]
pub struct Submission {
    /// Where it goes.
    pub partition: PartitionId,
    /// The id inside the envelope, by which its outcome is matched.
    pub request_id: RequestId,
    /// The encoded [`onsale_schemas::Envelope`].
    pub payload: Vec<u8>,
    /// Who waits.
    pub reply: oneshot::Sender<Reply>,
}

impl Submission {
    /// What is in `envelope` under this id, and where its reply arrives.
    ///
    /// # Errors
    /// When the envelope cannot be encoded.
    pub fn new(
        partition: PartitionId,
        request_id: RequestId,
        envelope: Envelope,
    ) -> Result<(Self, oneshot::Receiver<Reply>), CodecError> {
        let payload = codec::encode(&Envelope {
            request_id: Some(request_id),
            ..envelope
        })?;
        let (reply, received) = oneshot::channel();
        let submission = Self {
            partition,
            request_id,
            payload,
            reply,
        };
        Ok((submission, received))
    }
}

/// The reply to a [`Submission`].
///
/// A sender that is dropped without a reply means that the outcome is *unknown*, never that the
/// command failed.
pub type Reply = Result<OutcomeRecord, SubmitError>;

/// Why a command is certainly not in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The bounded queue in front of the log is full: shed, try again.
    #[error("the queue in front of the log is full")]
    QueueFull,
    /// The log has no room left on its disk.
    #[error("the log's disk is full")]
    DiskFull,
    /// The process may open no further file, and the log needs one.
    #[error("no file descriptor is left for the log")]
    NoDescriptors,
    /// The partition has no owner that serves it now, or the process is stopping.
    #[error("the partition is not served at the moment")]
    Unavailable,
}

/// Outcomes of one partition in log order, batched as they were published.
#[derive(Debug)]
pub struct OutcomeBatch {
    /// Their partition.
    pub partition: PartitionId,
    /// The outcomes, ascending by offset.
    pub records: Vec<OutcomeRecord>,
}

/// The log as an ingress sees it: it submits commands and reads outcomes, nothing else.
#[async_trait]
pub trait CommandLog: Send + Sync {
    /// Number of partitions, frozen when the log was created.
    fn partitions(&self) -> u16;

    /// True when other processes submit commands too: the feed then contains outcomes that this one
    /// never asked for.
    fn is_shared(&self) -> bool {
        false
    }

    /// Where the partition's log ended when this handle started with it: every outcome that any
    /// process reported earlier is before it; 0 while that is unknown.
    fn began_at(&self, partition: PartitionId) -> Offset;

    /// Whether the partition may have had a record at this offset at the time of the call. False
    /// only if it certainly had none, so that no process can have reported one; true if that cannot
    /// be known at the moment.
    async fn may_hold(&self, partition: PartitionId, offset: Offset) -> bool;

    /// Submits a command without waiting. The reply arrives once the command is durable and
    /// applied.
    ///
    /// # Errors
    /// When the command is certainly not in the log; the reply sender is then dropped.
    fn submit(&self, submission: Submission) -> Result<(), SubmitError>;

    /// Follows all outcomes from now on. A receiver that is too slow loses the oldest batches and
    /// gets [`broadcast::error::RecvError::Lagged`]; it then restarts its views from
    /// [`CommandLog::show_seats`].
    fn subscribe(&self) -> broadcast::Receiver<Arc<OutcomeBatch>>;

    /// The seats of a show as of some offset not before this call, to start a live view from.
    /// `None` when the partition knows no such show.
    ///
    /// # Errors
    /// When no owner serves the partition.
    async fn show_seats(
        &self,
        partition: PartitionId,
        show: ShowId,
    ) -> Result<Option<ShowSeats>, SubmitError>;
}
