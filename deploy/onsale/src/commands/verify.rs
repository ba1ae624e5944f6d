//! `onsale verify`

mod database;
mod history;
mod log;
mod outcomes;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use database::Compared;
use onsale_schemas::PartitionId;
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::client;
use crate::config::Config;
use crate::exit::Failure;
use crate::{log_source, output};

/// How often the log of a partition is read again because the database is beyond it.
const READ_AGAIN_MAX: u32 = 3;

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
    let (mut reports, mut not_compared) = (Vec::new(), Vec::new());
    for partition in chosen(args.partition, log.partitions)? {
        let judge = recorded.as_mut().map(|recorded| &mut recorded.judge);
        let checked = log::check(&mut *log.reader, partition, judge)?;
        reports.push(report(args, &config, checked, &mut not_compared)?);
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
            "ok": not_compared.is_empty(),
            "partitions": reports,
            "foreign_outcomes": foreign_outcomes,
            "history": history,
        }));
    }
    if not_compared.is_empty() {
        return Ok(());
    }
    Err(Failure::Found(anyhow!(
        "the log is right, but the database was not compared ({}): see in `onsale status` that the \
         projector runs, and run this again when less is sold; --log-only leaves the database out",
        not_compared.join("; ")
    )))
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
    checked: log::Checked,
    not_compared: &mut Vec<String>,
) -> Result<Value, Failure> {
    let partition = checked.model.partition();
    let (checked, database) = if args.log_only {
        (checked, "not looked at".to_owned())
    } else {
        let (checked, compared) = against_database(config, checked)?;
        let words = compared.unwrap_or_else(|why| {
            not_compared.push(format!("partition {partition}: {why}"));
            format!("not compared, {why}")
        });
        (checked, words)
    };
    let log::Checked {
        summary, foreign, ..
    } = checked;
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

/// Compares the model with the database. While the server sells, the log is read again up to where
/// the projection is by then, a few times; otherwise says why nothing was compared.
fn against_database(
    config: &Config,
    mut checked: log::Checked,
) -> Result<(log::Checked, Result<String, String>), Failure> {
    let mut again = READ_AGAIN_MAX;
    loop {
        let model = &checked.model;
        let compared = client::block_on(database::check(config, model, checked.last_outcome))?;
        match compared {
            Compared::Equal(words) => return Ok((checked, Ok(words))),
            Compared::Beyond(_) if again > 0 => {
                again -= 1;
                let partition = checked.model.partition();
                let mut log = log_source::open(config)?;
                checked = log::check(&mut *log.reader, partition, None)?;
            }
            Compared::Not(why) | Compared::Beyond(why) => return Ok((checked, Err(why))),
        }
    }
}
