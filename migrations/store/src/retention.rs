//! How long things are kept, and reports of what is too old.
//!
//! A report says before which moment each kind is too old and how much of it there is. Applying it deletes
//! what it is about and nothing newer: the moments are written down with it, and for bookings the shows,
//! too.

mod config;

use std::collections::BTreeMap;

use onsale_schemas::ShowId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use config::RetentionConfig;

/// What is deleted when it is old.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sessions after their end, with the program and the network address that they were opened from.
    Sessions,
    /// Addresses of guests after the purchase.
    Guests,
    /// Entries of the audit trail.
    Audit,
    /// Analytics. None are kept yet.
    Analytics,
    /// Bookings of shows that are over, once nothing has happened to any booking of the show.
    Bookings,
}

impl Kind {
    /// All kinds, in the order in which they are deleted.
    pub const ALL: [Self; 5] = [
        Self::Sessions,
        Self::Guests,
        Self::Audit,
        Self::Analytics,
        Self::Bookings,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Guests => "guests",
            Self::Audit => "audit",
            Self::Analytics => "analytics",
            Self::Bookings => "bookings",
        }
    }
}

/// What is too old of a kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Due {
    /// The kind.
    pub kind: Kind,
    /// What is from before this moment is too old, in milliseconds since 1970.
    pub before_ms: u64,
    /// How much there was of it when the report was made.
    pub count: u64,
    /// When the oldest of it is from, in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// How much was deleted by now.
    pub deleted: u64,
    /// How much was left because it changed since, or because it cannot be deleted.
    pub left: u64,
    /// True once nothing is left to do.
    pub is_done: bool,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nothing was deleted.
    Open,
    /// Some of it was deleted; applying it again goes on.
    Applying,
    /// All of it was deleted.
    Applied,
    /// It is not applied any more.
    Withdrawn,
}

impl ReportState {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Applying, Self::Applied, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == name)
    }

    /// Whether it can be applied.
    pub fn is_unended(self) -> bool {
        matches!(self, Self::Open | Self::Applying)
    }
}

/// What is too old, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Its id.
    pub report_id: Uuid,
    /// When it was made, in milliseconds since 1970 by the database's clock.
    pub created_at_ms: u64,
    /// What became of it.
    pub state: ReportState,
    /// What is too old, by kind.
    pub kinds: Vec<Due>,
    /// When it was applied or withdrawn.
    pub ended_at_ms: Option<u64>,
}

impl Report {
    /// How much it would delete, or has.
    pub fn count(&self) -> u64 {
        self.kinds.iter().map(|due| due.count).sum()
    }

    /// How much it has deleted by now.
    pub fn deleted(&self) -> u64 {
        self.kinds.iter().map(|due| due.deleted).sum()
    }
}

/// Why a report cannot be made or applied.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// There is none of that id.
    #[error("there is no report {0}: see `onsale retention list`")]
    Unknown(Uuid),
    /// Another one is being applied.
    #[error(
        "report {0} is being applied: apply it to its end, or withdraw it, before the next is made"
    )]
    Applying(Uuid),
    /// It ended.
    #[error("report {report} is {} and cannot be applied: make a new one", .state.as_str())]
    Ended {
        /// Its id.
        report: Uuid,
        /// What became of it.
        state: ReportState,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// The shows whose bookings were deleted because they were too old. The log has them still, and the
/// database is not expected to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RetiredShows(BTreeMap<ShowId, u64>);

impl RetiredShows {
    pub(crate) fn new(shows: BTreeMap<ShowId, u64>) -> Self {
        Self(shows)
    }

    /// Whether the bookings of a show were deleted.
    pub fn has(&self, show: ShowId) -> bool {
        self.0.contains_key(&show)
    }

    /// Whether the database may lack a booking of that show, reserved at that time.
    pub fn may_lack(&self, show: ShowId, reserved_at_ms: u64) -> bool {
        self.0
            .get(&show)
            .is_some_and(|before_ms| reserved_at_ms < *before_ms)
    }
}
