//! Entries of the audit trail. They are append-only: what drops them has to keep the trail provable, and
//! this is the one place that calls it.

use super::{Step, nothing_due};
use crate::audit::AuditEntry;
use crate::database::{Database, Transaction, integer};
use crate::error::StoreError;
use crate::retention::{Due, Kind};

/// Why they stay.
const KEPT: &str = "entries are append-only; this version counts them and deletes none";

pub(super) async fn due(database: &Database, before_ms: u64) -> Result<Due, StoreError> {
    let mut due = nothing_due(Kind::Audit, before_ms);
    // They are written in the order of time, so the first tells whether any has to be counted.
    let first = database
        .fetch_optional("SELECT at_ms FROM audit ORDER BY audit_id LIMIT 1", &[])
        .await?;
    let Some(first) = first else { return Ok(due) };
    let oldest_ms: u64 = first.number("at_ms")?;
    if oldest_ms >= before_ms {
        return Ok(due);
    }
    let row = database
        .fetch_optional(
            "SELECT count(*) AS entries FROM audit WHERE at_ms < $1",
            &[integer("before_ms", before_ms)?.into()],
        )
        .await?;
    due.count = row.map_or(Ok(0), |row| row.number("entries"))?;
    due.oldest_ms = Some(oldest_ms);
    due.note = Some(KEPT.to_owned());
    Ok(due)
}

/// Deletes what is due of the trail.
pub(super) async fn delete(
    _transaction: &mut Transaction,
    due: &mut Due,
    _step: &Step<'_>,
) -> Result<Vec<AuditEntry>, StoreError> {
    due.left = due.count;
    due.is_done = true;
    Ok(Vec::new())
}
