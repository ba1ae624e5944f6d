//! Jobs: work that follows from a fact and is done at least once.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest name of a kind, in bytes.
pub(crate) const KIND_MAX_BYTES: usize = 64;
/// Longest key of a job, in bytes.
pub const KEY_MAX_BYTES: usize = 200;
/// Longest payload, in bytes of JSON. What is larger is kept elsewhere and named by its key.
pub const PAYLOAD_MAX_BYTES: usize = 65_536;
/// Longest text about a job's progress or its last error, in bytes; what is longer is cut.
pub(crate) const NOTE_MAX_BYTES: usize = 2_000;

/// A job to be enqueued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    /// What is to be done, such as `mail.send`.
    pub kind: &'static str,
    /// Its key: a second job of the kind with the same key is the same job, for as long as the
    /// first is remembered.
    pub key: String,
    /// What the kind needs to know, as JSON.
    pub payload: String,
    /// How long to wait before the first attempt, in milliseconds.
    pub delay_ms: u64,
    /// How many attempts it has before it is left to an operator, 1 to 1,000.
    pub attempts_max: u16,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// For its time to come.
    Waiting,
    /// A worker has it.
    Running,
    /// Done.
    Done,
    /// Given up: an operator has to look at it.
    Dead,
    /// Cancelled by an operator.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Dead,
        Self::Cancelled,
    ];

    /// Its name in the database, on the command line and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The right to work on a job until the lease ends. Another claim ends it too: the fence is the
/// number of the claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The job.
    pub job: Uuid,
    /// Which claim of it.
    pub fence: i64,
}

/// A job that a worker has claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedJob {
    /// What the worker shows to have it.
    pub lease: Lease,
    /// What it is known by among those of its kind.
    pub key: String,
    /// What the kind needs to know, as JSON.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub attempts_max: u32,
    /// What an earlier attempt noted about its progress.
    pub progress: Option<String>,
    /// How long it had been due when it was claimed, in milliseconds.
    pub waited_ms: u64,
    /// When it was enqueued, by the database's clock, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// The result of renewing a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// The job is still the worker's.
    Held,
    /// An operator has cancelled the job: stop, and record it.
    Cancelled,
    /// Another worker has the job, or it is over.
    Lost,
}

/// A job as an operator sees it. The payload may name people and is shown for one job only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JobRow {
    /// Its id; later jobs have greater ones.
    pub job_id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// What it is known by among those of its kind.
    pub key: String,
    /// Where it stands.
    pub state: JobState,
    /// When it is attempted next, or was last, in milliseconds since 1970.
    pub due_at_ms: u64,
    /// How often it has been attempted.
    pub attempts: u32,
    /// How often it may be.
    pub attempts_max: u32,
    /// Who works on it.
    pub worker: Option<String>,
    /// Until when, unless it says more, in milliseconds since 1970.
    pub lease_until_ms: Option<u64>,
    /// Whether an operator has cancelled it while it runs.
    pub cancel_requested: bool,
    /// What the last attempt noted about its progress.
    pub progress: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was enqueued, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_at_ms: Option<u64>,
}

/// Which jobs to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those that come after this one in the list's order.
    pub after: Option<Uuid>,
    /// Maximum number of jobs.
    pub limit: u32,
}

/// How many jobs of a kind are in a state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct JobCount {
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: JobState,
    /// How many.
    pub jobs: u64,
    /// How long the one that is due longest has been due, in milliseconds; 0 where none is.
    pub overdue_ms: u64,
}
