//! Sessions that ended long ago.

use super::{Step, counted};
use crate::audit::AuditEntry;
use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::retention::{Due, Kind};

pub(super) async fn due(database: &Database, before_ms: u64) -> Result<Due, StoreError> {
    let sql = "SELECT count(*) AS due_rows, min(COALESCE(ended_at_ms, expires_at_ms)) AS oldest_ms \
               FROM sessions WHERE expires_at_ms < $1 OR ended_at_ms < $1";
    counted(database, Kind::Sessions, before_ms, sql).await
}

pub(super) async fn delete(
    transaction: &mut Transaction,
    due: &mut Due,
    step: &Step<'_>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let sql = "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions \
               WHERE expires_at_ms < $1 OR ended_at_ms < $1 LIMIT $2)";
    step.delete(transaction, due, "retention.sessions", sql)
        .await
}
