//! The textbook variant: a transaction that locks the row of the zone, reads, and writes.

use sqlx::postgres::PgPool;

use super::super::ingress::{Ask, Backend, BackendKind, Verdict};
use super::super::{Bench, Measured};
use super::transaction;
use crate::side::job;

pub(in super::super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresForUpdate, 1)
}

pub(in super::super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresForUpdate, job::SPREAD_ZONES)
}

pub(in super::super) struct ForUpdate(pub(in super::super) PgPool);

impl Backend for ForUpdate {
    async fn reserve(&self, ask: Ask) -> anyhow::Result<Verdict> {
        let mut transaction = self.0.begin().await?;
        // The user's own rows first, so that the contended one is locked for less time.
        if !transaction::count_user(&mut transaction, &ask).await? {
            transaction.rollback().await?;
            return Ok(Verdict::Limit);
        }
        transaction::book(&mut transaction, &ask).await?;
        let available: i32 =
            sqlx::query_scalar("SELECT available FROM zones WHERE zone_id = $1 FOR UPDATE")
                .bind(ask.zone)
                .fetch_one(&mut *transaction)
                .await?;
        if available < ask.quantity {
            transaction.rollback().await?;
            return Ok(Verdict::SoldOut);
        }
        sqlx::query("UPDATE zones SET available = available - $2 WHERE zone_id = $1")
            .bind(ask.zone)
            .bind(ask.quantity)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Verdict::Reserved)
    }
}
