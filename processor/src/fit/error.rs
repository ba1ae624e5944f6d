//! Why it cannot be said whether database and log fit.

use onsale_log::LogError;
use onsale_log::kafka::KafkaError;
use onsale_snapshot::SnapshotError;
use onsale_store::StoreError;

/// Why it cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The outcomes on Kafka cannot be read.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The snapshots cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The comparison did not come to its end.
    #[error("the comparison of database and log broke off: {0}")]
    BrokenOff(String),
}
