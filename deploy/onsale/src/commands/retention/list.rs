//! `onsale retention list`

use clap::Args;

use crate::cli::{ConfigArgs, JsonArgs, parse_limit};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most this many, up to 1000
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_limit)]
    limit: u32,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    with_store(&args.config, async |store| {
        let reports = store.retention_reports(args.limit).await.or_reach()?;
        if args.json.json {
            output::json(&reports);
            return Ok(());
        }
        if reports.is_empty() {
            output::line("there are no reports");
            return Ok(());
        }
        let rows: Vec<Vec<String>> = reports
            .iter()
            .map(|report| {
                vec![
                    report.report_id.to_string(),
                    output::time(report.created_at_ms),
                    report.state.as_str().to_owned(),
                    report.count().to_string(),
                    report.deleted().to_string(),
                ]
            })
            .collect();
        output::table(&["ID", "MADE", "STATE", "TOO OLD", "DELETED"], &rows);
        Ok(())
    })
}
