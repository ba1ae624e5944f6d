//! Reconciliation on a schedule.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::sections::problem;

/// Shortest time between two reconciliations, in seconds: each reads every live booking.
const EVERY_MIN_SECONDS: u64 = 10;

/// Reconciliation on a schedule.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReconcileConfig {
    /// How often a processor compares the partitions that it owns with the database; 0 for never.
    pub every_seconds: u64,
}

impl ReconcileConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if (1..EVERY_MIN_SECONDS).contains(&self.every_seconds) {
            problems.push(problem(
                "reconcile.every_seconds",
                self.every_seconds.to_string(),
                format!("0 for never, or {EVERY_MIN_SECONDS} and more"),
            ));
        }
    }
}
