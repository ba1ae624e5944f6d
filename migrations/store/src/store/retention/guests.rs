//! Addresses of guests who bought long ago. Their bookings stay, under an id that names nobody any more.

use super::{Step, nothing_due};
use crate::audit::AuditEntry;
use crate::database::{Database, Transaction, integer};
use crate::error::StoreError;
use crate::retention::{Due, Kind};

pub(super) async fn due(database: &Database, before_ms: u64) -> Result<Due, StoreError> {
    let row = database
        .fetch_optional(
            "SELECT count(*) AS guests, min(created_at_ms) AS oldest_ms FROM guests \
             WHERE email_hash IS NOT NULL AND created_at_ms < $1",
            &[integer("before_ms", before_ms)?.into()],
        )
        .await?;
    let mut due = nothing_due(Kind::Guests, before_ms);
    if let Some(row) = row {
        due.count = row.number("guests")?;
        due.oldest_ms = row.number_or_null("oldest_ms")?;
    }
    Ok(due)
}

pub(super) async fn delete(
    transaction: &mut Transaction,
    due: &mut Due,
    step: &Step<'_>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let most = step.rows_max(due);
    let deleted = transaction
        .execute(
            "UPDATE guests SET email_sealed = NULL, email_hash = NULL, locale = NULL \
             WHERE guest_id IN (SELECT guest_id FROM guests \
             WHERE email_hash IS NOT NULL AND created_at_ms < $1 LIMIT $2)",
            &[integer("before_ms", due.before_ms)?.into(), most.into()],
        )
        .await?;
    due.deleted += deleted;
    due.is_done = deleted < u64::from(most) || due.deleted >= due.count;
    if due.is_done {
        due.left = due.count - due.deleted.min(due.count);
    }
    if deleted == 0 {
        return Ok(Vec::new());
    }
    Ok(vec![step.entry("retention.guests", deleted, due)])
}
