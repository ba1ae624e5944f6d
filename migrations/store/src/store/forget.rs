//! Deleting what is too old, in steps: a month of it at once would take longer than a statement may, and
//! keep every other writer of SQLite waiting.

use super::Store;
use crate::database::{Durability, integer};
use crate::error::StoreError;

/// Rows that one statement deletes at most.
const FORGOTTEN_PER_STATEMENT_MAX: u32 = 5_000;

impl Store {
    /// Runs `delete`, of what is from before `$1` at most `$2` rows, until nothing is left; returns how
    /// many rows those were.
    pub(super) async fn forget_in_steps(
        &self,
        delete: &'static str,
        before_ms: u64,
    ) -> Result<u64, StoreError> {
        let before = integer("before_ms", before_ms)?;
        let mut forgotten = 0;
        loop {
            let values = [before.into(), FORGOTTEN_PER_STATEMENT_MAX.into()];
            let deleted = self
                .database
                .execute_unaudited(Durability::Durable, delete, &values)
                .await?;
            forgotten += deleted;
            if deleted < u64::from(FORGOTTEN_PER_STATEMENT_MAX) {
                return Ok(forgotten);
            }
        }
    }
}
