//! Addresses of guests who bought long ago. Their bookings stay, under an id that names nobody any more.

use super::{Step, counted};
use crate::audit::AuditEntry;
use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::retention::{Due, Kind};

pub(super) async fn due(database: &Database, before_ms: u64) -> Result<Due, StoreError> {
    let sql = "SELECT count(*) AS due_rows, min(created_at_ms) AS oldest_ms FROM guests \
               WHERE email_hash IS NOT NULL AND created_at_ms < $1";
    counted(database, Kind::Guests, before_ms, sql).await
}

pub(super) async fn delete(
    transaction: &mut Transaction,
    due: &mut Due,
    step: &Step<'_>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let sql = "UPDATE guests SET email_sealed = NULL, email_hash = NULL, locale = NULL \
               WHERE guest_id IN (SELECT guest_id FROM guests \
               WHERE email_hash IS NOT NULL AND created_at_ms < $1 LIMIT $2)";
    step.delete(transaction, due, "retention.guests", sql).await
}
