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
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?.retention;
    with_store(&args.config, async |store| {
        let now_ms = store.clock_ms().await.or_reach()?;
        let by = Actor::command_line();
        let report = store.report_retention(&config, now_ms, Some(&by));
        let report = report.await.map_err(failed)?;
        if args.json.json {
            output::json(&report);
        } else {
            print(&report);
        }
        Ok(())
    })
}
