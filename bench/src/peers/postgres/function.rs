//! A stored function: one round trip, the row of the zone locked last.

use sqlx::postgres::PgPool;

use super::super::ingress::{Ask, Backend, BackendKind, Verdict};
use super::super::{Bench, Measured};
use super::server;
use crate::side::job;

pub(in super::super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresFunction, 1)
}

pub(in super::super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    super::measure(bench, BackendKind::PostgresFunction, job::SPREAD_ZONES)
}

pub(in super::super) struct Function(pub(in super::super) PgPool);

impl Backend for Function {
    async fn reserve(&self, ask: Ask) -> anyhow::Result<Verdict> {
        server::call(&self.0, "SELECT reserve($1, $2, $3, $4, $5, $6, $7)", &ask).await
    }
}
