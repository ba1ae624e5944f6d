//! A version column: read without a lock, write only if nothing was written in between, otherwise
//! retry.

use anyhow::bail;
use sqlx::postgres::PgPool;

use super::super::ingress::{Ask, Backend, BackendKind, Verdict};
use super::super::{Bench, Measured};
use super::transaction;
use crate::side::job;

/// Attempts before a request fails; on one hot row nearly every attempt comes too late.
const ATTEMPTS_MAX: u32 = 100_000;

pub(in super::super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresOptimistic, 1)
}

pub(in super::super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresOptimistic, job::SPREAD_ZONES)
}

pub(in super::super) struct Optimistic(pub(in super::super) PgPool);

impl Backend for Optimistic {
    async fn reserve(&self, ask: Ask) -> anyhow::Result<Verdict> {
        for _ in 0..ATTEMPTS_MAX {
            let (available, version): (i32, i64) =
                sqlx::query_as("SELECT available, version FROM zones WHERE zone_id = $1")
                    .bind(ask.zone)
                    .fetch_one(&self.0)
                    .await?;
            if available < ask.quantity {
                return Ok(Verdict::SoldOut);
            }
            let mut transaction = self.0.begin().await?;
            // First, so that an attempt that comes too late costs one statement.
            let taken = sqlx::query(
                "UPDATE zones SET available = available - $2, version = version + 1
                 WHERE zone_id = $1 AND version = $3",
            )
            .bind(ask.zone)
            .bind(ask.quantity)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
            if taken.rows_affected() == 0 {
                transaction.rollback().await?;
                continue;
            }
            if !transaction::count_user(&mut transaction, &ask).await? {
                transaction.rollback().await?;
                return Ok(Verdict::Limit);
            }
            transaction::book(&mut transaction, &ask).await?;
            transaction.commit().await?;
            return Ok(Verdict::Reserved);
        }
        bail!("too late {ATTEMPTS_MAX} times")
    }
}
