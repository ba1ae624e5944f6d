//! PostgreSQL with its default durability, behind the minimal server, in four variants.

pub(super) mod for_update;
pub(super) mod function;
pub(super) mod optimistic;
pub(super) mod server;
pub(super) mod skip_locked;
mod transaction;

use super::ingress::BackendKind;
use super::{Bench, Measured, ingress};
use crate::side::job::{self, Zone};

/// One round of one way.
fn measure(bench: &Bench, backend: BackendKind, zones: usize) -> anyhow::Result<Measured> {
    let server = server::Server::start(bench)?;
    let zones = Zone::made_up(zones);
    let rows = backend == BackendKind::PostgresSkipLocked;
    server.put_on_sale(&zones, rows)?;
    let (process, target) = ingress::start(backend, Some(&server.url))?;
    let before = server.syncs()?;
    let driven = job::ask(bench.closed_loop(), &target, &job::plain_users(), &zones)?;
    let syncs = server.syncs()?.saturating_sub(before);
    job::check_sold(server.sold(rows)?, driven.places_granted())?;
    process.end()?;
    server.stop()?;
    let per_sync = driven.places_granted() as f64 / syncs.max(1) as f64;
    Ok(Measured::of(&driven, Some(per_sync)))
}
