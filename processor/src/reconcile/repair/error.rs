//! Why a report was not applied.

use onsale_schemas::PartitionId;
use onsale_store::StoreError;

use super::REPORT_AGE_MAX_MS;
use crate::reconcile::log_rows::ReadAgainError;
use crate::reconcile::report::REPORT_VERSION;

/// Why a report was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Written by another program version.
    #[error(
        "the report has format {found}, this program reads up to {REPORT_VERSION}: make a new one"
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// It describes another log.
    #[error("the report is about log {report}, this server runs on log {server}")]
    OtherLog {
        /// By the report.
        report: String,
        /// Here.
        server: String,
    },
    /// The state has moved on too far.
    #[error("the report is {age_s} seconds old, at most {} are allowed: make a new one", REPORT_AGE_MAX_MS / 1_000)]
    TooOld {
        /// Its age in seconds.
        age_s: u64,
    },
    /// It describes a state that the log has not reached: the log was set back.
    #[error(
        "the report describes partition {partition} at offset {report}, the log is at {here}: \
         it was set back since; make a new report"
    )]
    Ahead {
        /// The partition.
        partition: PartitionId,
        /// By the report.
        report: u64,
        /// Here.
        here: u64,
    },
    /// The projector is at work: a repair would run into it.
    #[error("{0}; wait until the projection stands still with the log, then try again")]
    Moving(String),
    /// What the machines do not keep cannot be had.
    #[error(transparent)]
    Log(#[from] ReadAgainError),
    /// The database refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            moved @ StoreError::ProjectionMoved { .. } => Self::Moving(moved.to_string()),
            other => Self::Store(other),
        }
    }
}

impl ApplyError {
    /// The field of the report that is in the way.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Version { .. } => Some("version"),
            Self::OtherLog { .. } => Some("log_id"),
            Self::TooOld { .. } => Some("created_at_ms"),
            Self::Ahead { .. } => Some("positions"),
            Self::Moving(_) | Self::Log(_) | Self::Store(_) => None,
        }
    }
}
