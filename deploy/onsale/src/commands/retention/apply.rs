//! `onsale retention apply`

use anyhow::anyhow;
use onsale_jobs::retention;
use onsale_store::audit::Actor;
use onsale_store::retention::{Report, RetentionError};
use uuid::Uuid;

use super::{failed, print};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

/// Applies the report of that id, or the one that waits.
pub(super) fn run(id: Option<Uuid>, json: JsonArgs, config: &ConfigArgs) -> Result<(), Failure> {
    with_store(config, async |store| {
        let report = match id {
            Some(id) => {
                let report = store.retention_report(id).await.or_reach()?;
                report.ok_or_else(|| failed(RetentionError::Unknown(id)))?
            }
            None => {
                let report = store.unended_retention_report().await.or_reach()?;
                report.ok_or_else(|| {
                    Failure::Use(anyhow!(
                        "no report waits to be applied: `onsale retention report` makes one"
                    ))
                })?
            }
        };
        let bar = output::progress(report.count(), "entries");
        let watch = |report: &Report| bar.set_position(report.deleted());
        let by = Actor::command_line();
        let applied = retention::apply(&store, report.report_id, &by, watch).await;
        bar.finish_and_clear();
        let applied = applied.map_err(failed)?;
        if json.json {
            output::json(&applied);
        } else {
            print(&applied);
        }
        Ok(())
    })
}
