//! `onsale verify`

mod database;
mod history;
mod log;
mod outcomes;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use onsale_schemas::PartitionId;
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::client;
use crate::config::Config;
use crate::exit::Failure;
use crate::{log_source, output};

/// What to do about foreign records.
const ADVICE: &str =
    "nothing has to be deleted: find the writer, and let only nodes write to the topics";

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only this partition
    #[arg(long, value_name = "P", value_parser = parse_whole::<u16>)]
    partition: Option<u16>,
    /// Do not look at the database
    #[arg(long)]
    log_only: bool,
    /// Also check what clients recorded: JSON lines, as `onsale load --history` writes them
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let mut recorded = match &args.history {
        Some(path) => Some(history::read(path, &config)?),
        None => None,
    };
    if !args.log_only {
        client::block_on(database::check_fit(&config))?;
    }
    let mut log = log_source::open(&config)?;
    let mut reports = Vec::new();
    for partition in chosen(args.partition, log.partitions)? {
        let judge = recorded.as_mut().map(|recorded| &mut recorded.judge);
        let checked = log::check(&mut *log.reader, partition, judge)?;
        reports.push(report(args, &config, partition, &checked)?);
    }
    let mut foreign_outcomes = 0;
    if config.kafka.is_used() {
        let (count, newest) = outcomes::look(&config, args.partition.map(PartitionId))?;
        foreign_outcomes = count;
        if !args.json.json {
            for record in newest {
                output::line(format_args!("{record}; it is skipped, {ADVICE}"));
            }
            output::line(format_args!(
                "outcomes: one chain in each partition, {count} foreign records"
            ));
        }
    }
    let verdict = recorded.map(history::Recorded::verdict);
    if let Some(verdict) = &verdict {
        if !args.json.json {
            output::line(history::line(verdict));
        }
        history::report(verdict)?;
    }
    if args.json.json {
        let history = verdict.as_ref().map(history::json);
        output::json(&json!({
            "ok": true,
            "partitions": reports,
            "foreign_outcomes": foreign_outcomes,
            "history": history,
        }));
    }
    Ok(())
}

/// The partitions to check: one, or all of the log.
fn chosen(one: Option<u16>, partitions: u16) -> Result<Vec<PartitionId>, Failure> {
    match one {
        None => Ok((0..partitions).map(PartitionId).collect()),
        Some(one) if one < partitions => Ok(vec![PartitionId(one)]),
        Some(one) => Err(Failure::Use(anyhow!(
            "partition {one} does not exist, the log has 0 to {}",
            partitions.saturating_sub(1)
        ))),
    }
}

/// Compares a checked partition with the database, says what was found and returns it for programs.
fn report(
    args: &VerifyArgs,
    config: &Config,
    partition: PartitionId,
    checked: &log::Checked,
) -> Result<Value, Failure> {
    let log::Checked {
        summary,
        model,
        last_outcome,
        foreign,
    } = checked;
    let database = if args.log_only {
        "not looked at".to_owned()
    } else {
        client::block_on(database::check(config, model, *last_outcome))?
    };
    if !args.json.json {
        output::line(format_args!(
            "partition {partition}: {} records, {} outcomes equal to the model's, {} live holds, \
             {} confirmed; database: {database}",
            summary.records, summary.compared, summary.live_holds, summary.confirmed
        ));
        for (offset, why) in &foreign.first {
            output::line(format_args!(
                "  record {offset} is not a command and has no effect: {why}; {ADVICE}"
            ));
        }
    }
    Ok(json!({
        "partition": partition,
        "next_offset": summary.next_offset,
        "records": summary.records,
        "outcomes_compared": summary.compared,
        "shows": summary.shows,
        "live_holds": summary.live_holds,
        "confirmed": summary.confirmed,
        "expired": summary.expired,
        "refusals": summary.refusals,
        "foreign_records": foreign.count,
        "database": database,
    }))
}
