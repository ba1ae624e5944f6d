//! Sections `snapshots` and `reconcile`.

use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

use crate::replica::SnapshotPolicy;

/// Most records of a partition between two snapshots: more than there will ever be.
const EVERY_RECORDS_MAX: u64 = u64::MAX >> 1;
/// Longest time between two snapshots, in seconds (a year).
const EVERY_SECONDS_MAX: u64 = 86_400 * 365;
/// Most snapshots that are kept of a partition.
const KEEP_MAX: u32 = 100;
/// Shortest time between two reconciliations, in seconds: each reads every live booking.
const RECONCILE_EVERY_MIN_SECONDS: u64 = 10;

/// Snapshots.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotsConfig {
    /// Records of a partition after which the next one is cut.
    pub every_records: u64,
    /// Seconds after which the next one is cut, if there was at least one record.
    pub every_seconds: u64,
    /// How many are kept of each partition.
    pub keep: u32,
    /// Whether they are also stored in the database.
    pub in_database: bool,
}

impl Default for SnapshotsConfig {
    fn default() -> Self {
        Self {
            every_records: 1_000_000,
            every_seconds: 300,
            keep: 3,
            in_database: true,
        }
    }
}

impl SnapshotsConfig {
    /// When the next one of a partition is due.
    pub fn policy(&self) -> SnapshotPolicy {
        SnapshotPolicy {
            every_records: self.every_records,
            every_ms: self.every_seconds.saturating_mul(1_000),
        }
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "snapshots.every_records",
            self.every_records,
            1..=EVERY_RECORDS_MAX,
        );
        check_range(
            problems,
            "snapshots.every_seconds",
            self.every_seconds,
            1..=EVERY_SECONDS_MAX,
        );
        check_range(problems, "snapshots.keep", self.keep, 1..=KEEP_MAX);
    }
}

/// Reconciliation on a schedule.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReconcileConfig {
    /// How often a processor compares the partitions that it owns with the database; 0 for never.
    pub every_seconds: u64,
}

impl ReconcileConfig {
    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if (1..RECONCILE_EVERY_MIN_SECONDS).contains(&self.every_seconds) {
            problems.push(ConfigProblem::new(
                "reconcile.every_seconds",
                self.every_seconds,
                format!("0 for never, or {RECONCILE_EVERY_MIN_SECONDS} and more"),
            ));
        }
    }
}
