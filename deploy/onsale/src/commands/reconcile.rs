//! `onsale reconcile`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use onsale_processor::reconcile::{Applied, Report};
use onsale_store::audit::Actor;
use serde_json::Value;

use crate::assemble;
use crate::cli::{ConfigArgs, JsonArgs, ServerArgs};
use crate::client::{self, Client, TIMEOUT_LONG};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

/// Differences that are printed; the report has them all.
const DIFFERENCES_SHOWN_MAX: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Compare, and write every difference to this file (JSON); exit 1 when there is one, or when the
    /// projection does not stand where the log does
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "apply",
        conflicts_with = "apply"
    )]
    report: Option<PathBuf>,
    /// Repair the database from this report
    #[arg(long, value_name = "FILE")]
    apply: Option<PathBuf>,
    /// Work on the data folder of a stopped server; its database is brought to where the log is first
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ReconcileArgs) -> Result<(), Failure> {
    match (&args.report, &args.apply) {
        (Some(file), _) => report(args, file),
        (None, Some(file)) => apply(args, file),
        // clap ensures that one of the two is given.
        (None, None) => Ok(()),
    }
}

fn report(args: &ReconcileArgs, file: &Path) -> Result<(), Failure> {
    let report: Report = if args.offline {
        let config = Config::for_operator(&args.config)?;
        assemble::offline(&config, async |embedded, store| {
            let held = embedded.hold().await?;
            Ok(embedded.compare(&held, store).await?)
        })?
    } else {
        let client = Client::new(&args.server, &args.config)?;
        let data = client::block_on(client.post("/admin/reconcile", &Value::Null, TIMEOUT_LONG))?;
        serde_json::from_value(data)
            .context("the server's report cannot be read")
            .or_found()?
    };
    output::write_json(file, &report)?;
    let found = report.differences.len();
    if args.json.json {
        output::json(&report);
    } else {
        for difference in report.differences.iter().take(DIFFERENCES_SHOWN_MAX) {
            output::line(format_args!(
                "partition {}: {} ({})",
                difference.partition,
                serde_json::to_string(&difference.finding).unwrap_or_default(),
                difference.cause
            ));
        }
        if let Some(why) = &report.redis_unreachable {
            output::line(format_args!("the counts in Redis were not compared: {why}"));
        }
        output::line(format_args!(
            "{} shows, {} live bookings and the {} that ended last compared, {found} differences, \
             report in {}",
            report.checked.shows,
            report.checked.bookings,
            report.checked.ended,
            file.display()
        ));
        output::line(format_args!(
            "not compared: {} that ended before those, whatever ended more than an hour ago, and what \
             is in the log alone (request, last change, payment of what has ended): `onsale verify` \
             compares all of it",
            report.checked.ended_not_compared
        ));
    }
    // An empty report repairs it, too: it says that everything up to here is there.
    if let (Some(why), 0) = (&report.projection_behind, found) {
        return Err(Failure::Found(anyhow::anyhow!(
            "{why}; where the projector has stopped, it goes on after: onsale reconcile --apply {}",
            file.display()
        )));
    }
    if found > 0 {
        return Err(Failure::Found(anyhow::anyhow!(
            "{found} differences; read the report, then: onsale reconcile --apply {}",
            file.display()
        )));
    }
    Ok(())
}

fn apply(args: &ReconcileArgs, file: &Path) -> Result<(), Failure> {
    let text = std::fs::read(file)
        .with_context(|| format!("cannot read the report {}", file.display()))
        .or_use()?;
    let report: Report = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a report of `onsale reconcile`", file.display()))
        .or_use()?;
    let applied: Applied = if args.offline {
        let config = Config::for_operator(&args.config)?;
        assemble::offline(&config, async |embedded, store| {
            let held = embedded.hold().await?;
            let by = Actor::command_line();
            Ok(embedded.apply(&report, &held, store, &by).await?)
        })?
    } else {
        let client = Client::new(&args.server, &args.config)?;
        let body = serde_json::to_value(&report).or_found()?;
        let data = client::block_on(client.post("/admin/reconcile/apply", &body, TIMEOUT_LONG))?;
        serde_json::from_value(data)
            .context("the server's answer cannot be read")
            .or_found()?
    };
    if args.json.json {
        output::json(&applied);
    } else {
        output::line(format_args!(
            "{} repaired, {} gone by now, {} left",
            applied.repaired,
            applied.gone,
            applied.left.len()
        ));
    }
    if applied.projection_moved && !args.json.json {
        output::line("the projector had stopped: it continues from here");
    }
    if applied.left.is_empty() {
        return Ok(());
    }
    Err(Failure::Found(anyhow::anyhow!(
        "left as they are:\n  {}",
        applied.left.join("\n  ")
    )))
}
