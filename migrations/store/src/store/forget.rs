//! Deleting what is too old, in steps: a month of it at once would take longer than a statement may, and
//! keep every other writer of SQLite waiting.

use super::Store;
use crate::database::{Durability, integer};
use crate::error::StoreError;

/// Rows that one statement deletes at most.
const FORGOTTEN_PER_STATEMENT_MAX: u32 = 5_000;

/// How often a step may give way.
const GIVES_WAY_MAX: u32 = 8;

impl Store {
    /// Runs `delete`, of what is from before `$1` at most `$2` rows, until nothing is left; returns how
    /// many rows those were. A step that gives way to someone who changes the same rows is taken again.
    pub(super) async fn forget_in_steps(
        &self,
        delete: &'static str,
        before_ms: u64,
    ) -> Result<u64, StoreError> {
        let before = integer("before_ms", before_ms)?;
        let (mut forgotten, mut gave_way) = (0, 0);
        loop {
            let values = [before.into(), FORGOTTEN_PER_STATEMENT_MAX.into()];
            let step = self
                .database
                .execute_unaudited(Durability::Durable, delete, &values);
            let deleted = match step.await {
                Err(error) if error.gave_way() && gave_way < GIVES_WAY_MAX => {
                    tracing::debug!(%error, "what is too old is forgotten once more");
                    gave_way += 1;
                    continue;
                }
                other => other?,
            };
            forgotten += deleted;
            if deleted < u64::from(FORGOTTEN_PER_STATEMENT_MAX) {
                return Ok(forgotten);
            }
        }
    }
}
