//! What works on jobs.

use anyhow::Context;
use onsale_jobs::{Kinds, Metrics, Worker, housekeeping};
use onsale_store::Store;
use prometheus::Registry;

use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// The worker of this process, with every kind of job and every schedule that there is.
pub(super) fn worker(
    config: &Config,
    store: &Store,
    registry: &Registry,
) -> Result<Worker, Failure> {
    let kinds = Kinds::new(vec![housekeeping::kind(store)])
        .context("kinds of jobs")
        .or_found()?;
    Ok(Worker {
        store: store.clone(),
        name: config.node.id.clone(),
        kinds,
        schedules: vec![housekeeping::schedule()],
        metrics: Metrics::register(registry).or_found()?,
    })
}
