//! Onsale embedded: log, engine, projection and API in one process.

use super::{Bench, Measured};
use crate::side::job;
use crate::side::onsale::Onsale;

pub(super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, 1)
}

pub(super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, job::SPREAD_ZONES)
}

fn measure(bench: &Bench, zones: usize) -> anyhow::Result<Measured> {
    let data = tempfile::tempdir_in(&bench.folder)?;
    let onsale = Onsale::start(&bench.onsale, data.path(), &[])?;
    let batches = || -> anyhow::Result<(f64, f64)> {
        Ok((
            onsale.metric("onsale_journal_batch_records_sum")?,
            onsale.metric("onsale_journal_batch_records_count")?,
        ))
    };
    let before = batches()?;
    let users = Onsale::users(job::USERS)?;
    let driven = job::sell(bench.closed_loop(), &onsale.target, zones, &users)?;
    let after = batches()?;
    onsale.process.end()?;
    let per_sync = (after.0 - before.0) / (after.1 - before.1).max(1.0);
    Ok(Measured::of(&driven, Some(per_sync)))
}
