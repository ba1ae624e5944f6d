//! `onsale retention report`

use clap::Args;
use onsale_store::audit::Actor;

use super::{failed, print};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::commands::store::with_store;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(super) json: JsonArgs,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

pub(super) fn run(json: JsonArgs, config: &ConfigArgs) -> Result<(), Failure> {
    let retention = Config::for_operator(config)?.retention;
    with_store(config, async |store| {
        let now_ms = store.clock_ms().await.or_reach()?;
        let by = Actor::command_line();
        let report = store.report_retention(&retention, now_ms, Some(&by));
        let report = report.await.map_err(failed)?;
        if json.json {
            output::json(&report);
        } else {
            print(&report);
        }
        Ok(())
    })
}
