//! `onsale verify`

mod database;
mod history;
mod log;
mod outcomes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use database::Compared;
use onsale_processor::fit::Misfit;
use onsale_processor::reconcile::{Difference, Report};
use onsale_schemas::PartitionId;
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::client;
use crate::config::Config;
use crate::exit::Failure;
use crate::{log_source, output};

/// How often the log of a partition is read again because the database is beyond it.
const READ_AGAIN_MAX: u32 = 3;

/// Differences of a partition that are printed; the report has them all.
const DIFFERENCES_SHOWN_MAX: usize = 20;

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
    /// Write every booking of which the database says otherwise to this file (JSON), for `onsale reconcile
    /// --apply`
    #[arg(long, value_name = "FILE", conflicts_with = "log_only")]
    report: Option<PathBuf>,
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
    let mut found = Found::default();
    if !args.log_only {
        let damage = client::block_on(database::check_fit(&config))?;
        found.damage.extend(damage);
    }
    let mut log = log_source::open(&config)?;
    let mut reports = Vec::new();
    for partition in chosen(args.partition, log.partitions)? {
        let judge = recorded.as_mut().map(|recorded| &mut recorded.judge);
        let checked = log::check(&mut *log.reader, partition, !args.log_only, judge)?;
        reports.push(report(args, &config, checked, &mut found)?);
    }
    if let (Some(file), Some(report)) = (&args.report, &found.report) {
        output::write_json(file, report)?;
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
            "ok": found.is_clean(),
            "partitions": reports,
            "damage": found.damages(),
            "differences": found.differences(),
            "foreign_outcomes": foreign_outcomes,
            "history": history,
        }));
    }
    found.verdict(args.report.as_deref())
}

/// What the comparisons with the database came to.
#[derive(Default)]
struct Found {
    /// What someone has deleted from the database, or changed, by hand.
    damage: Vec<Misfit>,
    /// Partitions that were not compared, each with the reason.
    not_compared: Vec<String>,
    /// What differs in those that were.
    report: Option<Report>,
}

impl Found {
    fn differences(&self) -> &[Difference] {
        let report = self.report.as_ref();
        report.map_or(&[][..], |report| report.differences.as_slice())
    }

    fn is_clean(&self) -> bool {
        self.damage.is_empty() && self.not_compared.is_empty() && self.differences().is_empty()
    }

    fn has_wrong_watermark(&self) -> bool {
        let mut damage = self.damage.iter();
        damage.any(|damage| matches!(damage, Misfit::WatermarkBeyond { .. }))
    }

    /// What is damaged, a sentence each.
    fn damages(&self) -> Vec<String> {
        let mut damages: Vec<String> = Vec::new();
        for damage in self.damage.iter().map(ToString::to_string) {
            // The same may be found in each partition.
            if !damages.contains(&damage) {
                damages.push(damage);
            }
        }
        damages
    }

    fn verdict(&self, written: Option<&Path>) -> Result<(), Failure> {
        let damages = self.damages();
        let compared = self.compared(written);
        if damages.is_empty() {
            return compared;
        }
        let compared = compared.err().map(|failure| failure.to_string());
        let found: Vec<String> = damages.into_iter().chain(compared).collect();
        Err(Failure::Found(anyhow!("{}", found.join("; besides, "))))
    }

    fn compared(&self, written: Option<&Path>) -> Result<(), Failure> {
        let found = self.differences().len();
        if found > 0 {
            let file = written.map_or_else(|| "FILE".into(), Path::to_string_lossy);
            let how = match written {
                Some(_) => format!("read {file}, then: onsale reconcile --apply {file}"),
                None => {
                    "write them down with `onsale verify --report FILE`, then: onsale reconcile \
                     --apply FILE"
                        .to_owned()
                }
            };
            return Err(Failure::Found(anyhow!(
                "the log is right, and the database says otherwise of {}; {how}",
                output::count(found, "booking")
            )));
        }
        if self.not_compared.is_empty() {
            return Ok(());
        }
        Err(Failure::Found(anyhow!(
            "the log is right, but the database was not compared ({}): see in `onsale status` that \
             the projector runs, and run this again when less is sold; --log-only leaves the database \
             out",
            self.not_compared.join("; ")
        )))
    }
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
    found: &mut Found,
) -> Result<Value, Failure> {
    let partition = checked.model.partition();
    let known = found.differences().len();
    let (checked, database) = if args.log_only {
        (checked, "not looked at".to_owned())
    } else {
        let (checked, compared) = against_database(config, checked, found)?;
        let words = compared.unwrap_or_else(|why| {
            let not_compared = &mut found.not_compared;
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
        let new = found.differences().iter().skip(known);
        for difference in new.take(DIFFERENCES_SHOWN_MAX) {
            output::line(format_args!(
                "  {}",
                serde_json::to_string(&difference.finding).unwrap_or_default()
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

/// Compares what the log says with the database. While the server sells, the log is read again up to
/// where the projection is by then, a few times; otherwise says why nothing was compared.
fn against_database(
    config: &Config,
    mut checked: log::Checked,
    found: &mut Found,
) -> Result<(log::Checked, Result<String, String>), Failure> {
    let mut again = READ_AGAIN_MAX;
    loop {
        // One that was waited for in vain stands still, and so do the others.
        let patience = match found.not_compared.is_empty() {
            true => database::CATCH_UP,
            false => Duration::ZERO,
        };
        let (report, damage) = (&mut found.report, &mut found.damage);
        let check = database::check(config, &mut checked, patience, report, damage);
        let compared = match client::block_on(check) {
            Ok(compared) => compared,
            // It needs what is not there: the rest is looked at all the same.
            Err(failure) if !found.damage.is_empty() => {
                return Ok((checked, Err(failure.to_string())));
            }
            Err(failure) => return Err(failure),
        };
        match compared {
            Compared::Equal(words) | Compared::Differs(words) => return Ok((checked, Ok(words))),
            // Of a row that was changed by hand there is nothing to read again for.
            Compared::Beyond(_) if again > 0 && !found.has_wrong_watermark() => {
                again -= 1;
                let partition = checked.model.partition();
                let mut log = log_source::open(config)?;
                checked = log::check(&mut *log.reader, partition, true, None)?;
            }
            Compared::Not(why) | Compared::Beyond(why) => return Ok((checked, Err(why))),
        }
    }
}
