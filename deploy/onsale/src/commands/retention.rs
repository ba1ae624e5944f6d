//! `onsale retention`

mod apply;
mod list;
mod report;
mod show;
mod withdraw;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use onsale_store::retention::{Report, ReportState, RetentionError};
use uuid::Uuid;

use crate::cli::{ConfigArgs, JsonArgs, parse_uuid};
use crate::exit::Failure;
use crate::output;

/// A verb, or one of the two that are flags as well.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    command: Option<RetentionCommand>,
    /// The same as `retention report`
    #[arg(long, conflicts_with = "apply")]
    report: bool,
    /// The same as `retention apply ID`; without an id, of the report that waits
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    apply: Option<Option<Uuid>>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    /// Look for what is kept too long, and write down a report of what would be deleted
    Report(report::ReportArgs),
    /// List reports, newest first
    List(list::ListArgs),
    /// Show one report
    Show(OneArgs),
    /// Delete what a report names, and nothing newer; may be stopped, and goes on where it was
    Apply(OneArgs),
    /// Have a report not applied, or not any further
    Withdraw(OneArgs),
}

/// One report.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Its id, as `onsale retention report` and `list` show it
    #[arg(value_name = "ID", value_parser = parse_uuid)]
    id: Uuid,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &RetentionArgs) -> Result<(), Failure> {
    let (json, config) = (args.json, &args.config);
    match (&args.command, args.report, args.apply) {
        (Some(RetentionCommand::Report(args)), ..) => report::run(args.json, &args.config),
        (Some(RetentionCommand::List(args)), ..) => list::run(args),
        (Some(RetentionCommand::Show(args)), ..) => show::run(args),
        (Some(RetentionCommand::Apply(args)), ..) => {
            apply::run(Some(args.id), args.json, &args.config)
        }
        (Some(RetentionCommand::Withdraw(args)), ..) => withdraw::run(args),
        (None, true, _) => report::run(json, config),
        (None, false, Some(id)) => apply::run(id, json, config),
        (None, false, None) => Err(Failure::Use(anyhow!(
            "expected report, list, show ID, apply ID or withdraw ID: see `onsale retention --help`"
        ))),
    }
}

fn failed(error: RetentionError) -> Failure {
    match error {
        RetentionError::Store(_) => Failure::Reach(error.into()),
        RetentionError::Unknown(_) => Failure::Use(error.into()),
        RetentionError::Applying(_) | RetentionError::Ended { .. } => Failure::Found(error.into()),
    }
}

/// A report for people.
fn print(report: &Report) {
    let rows: Vec<Vec<String>> = report
        .kinds
        .iter()
        .map(|due| {
            vec![
                due.kind.as_str().to_owned(),
                output::time(due.before_ms),
                due.count.to_string(),
                output::or_dash(due.oldest_ms.map(output::time)),
                due.deleted.to_string(),
                due.left.to_string(),
                due.note.clone().unwrap_or_default(),
            ]
        })
        .collect();
    output::line(format_args!(
        "report {} of {}: {}",
        report.report_id,
        output::time(report.created_at_ms),
        report.state.as_str()
    ));
    output::table(
        &[
            "KIND",
            "OLDER THAN",
            "TOO OLD",
            "OLDEST",
            "DELETED",
            "LEFT",
            "",
        ],
        &rows,
    );
    if report.state == ReportState::Open && report.count() > 0 {
        output::line(format_args!(
            "nothing is deleted yet: `onsale retention apply {0}` deletes it, `withdraw {0}` keeps it",
            report.report_id
        ));
    }
}
