//! `onsale verify`

mod database;
mod history;
mod log;
mod outcomes;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use onsale_schemas::PartitionId;
use serde_json::json;

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
    let all = 0..log.partitions;
    let partitions: Vec<u16> = match args.partition {
        Some(one) if all.contains(&one) => vec![one],
        Some(one) => {
            let error = anyhow!(
                "partition {one} does not exist, the log has 0 to {}",
                all.end - 1
            );
            return Err(Failure::Use(error));
        }
        None => all.collect(),
    };
    let mut reports = Vec::new();
    for partition in partitions.into_iter().map(PartitionId) {
        let judge = recorded.as_mut().map(|recorded| &mut recorded.judge);
        let log::Checked {
            summary,
            model,
            last_outcome,
            foreign,
        } = log::check(&mut *log.reader, partition, judge)?;
        let database = if args.log_only {
            "not looked at".to_owned()
        } else {
            client::block_on(database::check(&config, &model, last_outcome))?
        };
        let report = json!({
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
        });
        if !args.json.json {
            output::line(format_args!(
                "partition {partition}: {} records, {} outcomes equal to the model's, {} live holds, \
                 {} confirmed; database: {database}",
                summary.records, summary.compared, summary.live_holds, summary.confirmed
            ));
        }
        if !args.json.json {
            for (offset, why) in &foreign.first {
                output::line(format_args!(
                    "  record {offset} is not a command and has no effect: {why}; {ADVICE}"
                ));
            }
        }
        reports.push(report);
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
