//! A row per ticket: each request locks a different one (`SKIP LOCKED`), in a function, so that it
//! is one round trip.

use sqlx::postgres::PgPool;

use super::super::ingress::{Ask, Backend, BackendKind, Verdict};
use super::super::{Bench, Measured};
use super::server;
use crate::side::job;

pub(in super::super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresSkipLocked, 1)
}

pub(in super::super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresSkipLocked, job::SPREAD_ZONES)
}

pub(in super::super) struct SkipLocked(pub(in super::super) PgPool);

impl Backend for SkipLocked {
    async fn reserve(&self, ask: Ask) -> anyhow::Result<Verdict> {
        server::call(
            &self.0,
            "SELECT reserve_skip_locked($1, $2, $3, $4, $5, $6, $7)",
            &ask,
        )
        .await
    }
}
