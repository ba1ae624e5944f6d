//! What the ingress asks of the process it runs in, without knowing the processor.

use std::time::Duration;

use async_trait::async_trait;
use onsale_schemas::{NodeName, Offset, PartitionId, RequestId, Staff, Standing};
use onsale_store::audit::Actor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::extract;
use crate::values::Instant;

pub use onsale_schemas::Expected;

/// Implemented by the binary.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Every partition's status, ascending.
    async fn partitions(&self) -> Vec<PartitionStatus>;

    /// Every record of the partition before this offset is projected.
    fn projected(&self, partition: PartitionId) -> Offset;

    /// Waits until the record at `offset` is projected, so that
    /// [`Operations::projected`]` > offset`; false when that takes longer than `deadline`.
    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        deadline: Duration,
    ) -> bool;

    /// Whether this process can serve. Cheap: it is asked every second.
    fn ready(&self) -> Readiness;

    /// Cuts and stores a snapshot of each of `which`.
    ///
    /// # Errors
    /// When a partition does not exist or a snapshot cannot be written.
    async fn create_snapshots(&self, which: Which) -> Result<Vec<SnapshotDone>, OperationError>;

    /// The snapshots that are kept, newest first within a partition.
    ///
    /// # Errors
    /// When the place they are kept in cannot be read.
    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError>;

    /// Compares the engine's state with the database; the report as JSON.
    ///
    /// # Errors
    /// When either cannot be read.
    async fn reconcile(&self) -> Result<serde_json::Value, OperationError>;

    /// Repairs the database from a report of [`Operations::reconcile`], `by` an operator, as the audit
    /// trail says; what was done as JSON.
    ///
    /// # Errors
    /// [`OperationError::Refused`] when it is no report or may not be applied.
    async fn apply_reconciliation(
        &self,
        report: serde_json::Value,
        by: Actor,
    ) -> Result<serde_json::Value, OperationError>;

    /// Brings gauges up to date that cost a look; called when metrics are read.
    fn refresh_metrics(&self);

    /// How requests fared, the same in every mode.
    fn standings(&self) -> &dyn Standings;

    /// Where machine time and the clocks stand.
    ///
    /// # Errors
    /// When none of those that stamp records can be asked.
    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError>;

    /// Takes the clock that stamps records as right, by a record in the log of `which`; without
    /// `force` only where the clock and machine time are apart. The record says that `by` asked.
    ///
    /// # Errors
    /// [`OperationError::Refused`] where they are not, or where the log does not know how yet.
    async fn reset_clock(
        &self,
        which: Which,
        force: bool,
        by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError>;

    /// Moves `which` to the node `to`.
    ///
    /// # Errors
    /// [`OperationError::NotSupported`] where there is only one node.
    async fn failover(&self, which: Which, to: NodeName) -> Result<(), OperationError>;
}

/// What the log says of requests.
#[async_trait]
pub trait Standings: Send + Sync {
    /// How the request at a position fared, and who was ahead of it. It reads the log and may take a
    /// moment. `None` when no request stands there, or another than the one `expected`, which
    /// costs one record only. What takes long is done when `is_its_turn` only.
    ///
    /// # Errors
    /// [`OperationError::Gone`] when the log no longer holds it; [`OperationError::Later`] when it
    /// would take long and the turn is another's.
    async fn of(
        &self,
        partition: PartitionId,
        offset: Offset,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Option<Standing>, OperationError>;

    /// Where the newest record of a request stands, looked for among the latest ones only.
    ///
    /// # Errors
    /// When the log cannot be read.
    async fn find(
        &self,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, OperationError>;
}

/// One partition or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// All.
    All,
    /// This one.
    One(PartitionId),
}

impl Which {
    /// As a request names it: all when it names none.
    pub(crate) fn of(partition: Option<u16>) -> Self {
        partition.map_or(Self::All, |partition| Self::One(PartitionId(partition)))
    }
}

/// Where a partition stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PartitionStatus {
    /// The partition.
    #[schema(value_type = u16)]
    pub partition: PartitionId,
    /// The node that owns it, as the log says.
    #[schema(value_type = Option<String>)]
    pub owner: Option<NodeName>,
    /// Epoch of the owner's claim.
    pub epoch: u64,
    /// The node that would take over.
    #[schema(value_type = Option<String>)]
    pub standby: Option<NodeName>,
    /// Offset of the next record to apply.
    pub next_offset: Offset,
    /// Records in the log that are not applied yet.
    pub lag: u64,
    /// The state's digest at `next_offset`, in hex.
    pub digest: String,
    /// The newest snapshot.
    pub last_snapshot: Option<LastSnapshot>,
    /// Every record before this offset is in the database.
    pub projected_offset: Offset,
}

/// See [`PartitionStatus::last_snapshot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct LastSnapshot {
    /// The first offset that it does not contain.
    pub next_offset: Offset,
    /// When it was written.
    pub created_at: Instant,
}

/// A snapshot that is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SnapshotDone {
    /// Its partition.
    #[schema(value_type = u16)]
    pub partition: PartitionId,
    /// The first offset that it does not contain.
    pub next_offset: Offset,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was written.
    pub created_at: Instant,
}

/// Where the clock of one node stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ClockStatus {
    /// The node.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// Which clock: `machine` is that of the node's machine held to machine time, `broker` that of
    /// the broker held to the node's, `log` machine time of a partition held to the node's.
    pub clock: String,
    /// The partition, where it is about one.
    #[schema(value_type = Option<u16>)]
    pub partition: Option<PartitionId>,
    /// The time that it is held to.
    pub held_to: Instant,
    /// How far it is ahead of that, in milliseconds; negative where it is behind.
    pub ahead_ms: i64,
    /// Whether that is within the bound.
    pub is_right: bool,
    /// What is wrong and what to do.
    pub problem: Option<String>,
}

/// Machine time of a partition was set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ClockMoved {
    /// The partition.
    #[schema(value_type = u16)]
    pub partition: PartitionId,
    /// Machine time before.
    pub from: Instant,
    /// Machine time from the record on.
    pub to: Instant,
}

/// Whether the process can serve.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// True when it can.
    pub ready: bool,
    /// What is in the way, one sentence each, without secrets.
    pub problems: Vec<String>,
}

/// Reads the JSON that an operation was given.
///
/// # Errors
/// [`OperationError::Refused`], which names the field that is wrong.
pub fn read_given<T: DeserializeOwned>(given: &serde_json::Value) -> Result<T, OperationError> {
    let bytes = given.to_string();
    extract::parse(bytes.as_bytes()).map_err(OperationError::Refused)
}

/// Why an operation was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OperationError {
    /// This kind of installation has no such thing.
    #[error("{0}")]
    NotSupported(String),
    /// No such partition.
    #[error("there is no partition {0}")]
    UnknownPartition(PartitionId),
    /// What was given may not be used; the error names the field.
    #[error("{}", .0.detail())]
    Refused(ApiError),
    /// The log no longer holds what it would need.
    #[error("{0}")]
    Gone(String),
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// The database does not answer.
    #[error("{0}")]
    NoDatabase(String),
    /// It is not its turn yet.
    #[error("{why}")]
    Later {
        /// Who comes first.
        why: String,
        /// When it may be tried again.
        wait: Duration,
    },
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// For an operator, who may read why.
impl From<OperationError> for ApiError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NotSupported(why) => Self::new(Code::NotSupported, why),
            OperationError::UnknownPartition(_) => Self::not_found("partition"),
            OperationError::Refused(error) => error,
            OperationError::Gone(why) => Self::new(Code::RecordGone, why),
            OperationError::Unavailable(why) => {
                Self::new(Code::PartitionUnavailable, why).retry_after(RETRY_AFTER_BUSY_SECONDS)
            }
            OperationError::NoDatabase(why) => {
                Self::new(Code::Overloaded, why).retry_after(RETRY_AFTER_BUSY_SECONDS)
            }
            OperationError::Later { why, wait } => {
                Self::new(Code::Overloaded, why).retry_after(wait.as_secs().saturating_add(1))
            }
            OperationError::Failed(why) => Self::internal(why),
        }
    }
}
