//! `onsale verify`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use clap::Args;
use onsale_log::LogReader;
use onsale_log::journal::Journal;
use onsale_processor::replay::{self, Until};
use onsale_schemas::{BookingId, PartitionId};
use onsale_simulation::linear::{Checker, Difference, Summary};
use onsale_simulation::model::{BookingState, Model};
use onsale_store::Store;
use onsale_store::booking::{BookingStatus, projected_offset};
use serde_json::json;

use crate::cli::{ConfigArgs, JsonArgs};
use crate::client;
use crate::config::Config;
use crate::exit::{Failure, OrFail, log_failure};
use crate::output;

/// Rows of the database read at once.
const ROWS_PER_PAGE: u32 = 5_000;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only this partition
    #[arg(long, value_name = "P")]
    partition: Option<u16>,
    /// Do not look at the database
    #[arg(long)]
    log_only: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let journal = Journal::open_read_only(&config.journal_dir()).map_err(log_failure)?;
    let all = 0..journal.partitions();
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
        let (summary, model) = check_log(&mut journal.reader(), partition)?;
        let database = if args.log_only {
            "not looked at".to_owned()
        } else {
            client::block_on(check_database(&config, &model))?
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
            "database": database,
        });
        if !args.json.json {
            output::line(format_args!(
                "partition {partition}: {} records, {} outcomes equal to the model's, {} live holds, \
                 {} confirmed; database: {database}",
                summary.records, summary.outcomes, summary.live_holds, summary.confirmed
            ));
        }
        reports.push(report);
    }
    if args.json.json {
        output::json(&json!({ "ok": true, "partitions": reports }));
    }
    Ok(())
}

/// Runs engine and model side by side over the whole log of a partition.
fn check_log(
    reader: &mut impl LogReader,
    partition: PartitionId,
) -> Result<(Summary, Model), Failure> {
    let (first, end) = reader.bounds(partition).or_reach()?;
    if first > 0 {
        return Err(Failure::Use(anyhow!(
            "partition {partition} begins at offset {first}: retention has removed its beginning, \
             and the model has no snapshot to begin from"
        )));
    }
    let bar = output::progress(end, "verify");
    let mut checker = Checker::new(partition);
    let mut difference: Option<Difference> = None;
    let mut following = true;
    let machine = replay::genesis(partition);
    replay::replay(
        reader,
        machine,
        Until {
            offset: Some(end),
            time_ms: None,
        },
        |entry, outcome, _| {
            bar.inc(1);
            match &mut difference {
                None => difference = checker.entry_with_outcome(entry, outcome.as_ref()).err(),
                Some(found) if following => following = found.follow(entry),
                Some(_) => {}
            }
        },
    )
    .or_found()?;
    bar.finish_and_clear();
    if let Some(difference) = difference {
        return Err(Failure::Found(difference.into()));
    }
    let model = checker.model().clone();
    Ok((checker.finish().or_found()?, model))
}

/// Compares live bookings of the model with the database, where both stand at the same offset.
async fn check_database(config: &Config, model: &Model) -> Result<String, Failure> {
    let url = config.database_url()?;
    let missing = url
        .strip_prefix("sqlite://")
        .is_some_and(|path| !Path::new(path).exists());
    if missing {
        return Ok("not looked at, there is none".to_owned());
    }
    let store = Store::connect(&url, 2)
        .await
        .context("cannot open the database")
        .or_reach()?;
    let at = projected_offset(&store.watermarks().await.or_reach()?, model.partition());
    if at != model.next_offset() {
        return Ok(format!(
            "not compared, it stands at {at} and the log at {}",
            model.next_offset()
        ));
    }
    let mut expected: BTreeMap<BookingId, (BookingStatus, Vec<u32>)> = model
        .live_bookings()
        .map(|booking| {
            let status = match booking.state {
                BookingState::Held => BookingStatus::Reserved,
                _ => BookingStatus::Confirmed,
            };
            let id = BookingId::new(model.partition(), booking.offset);
            (id, (status, booking.seats.to_vec()))
        })
        .collect();
    let (mut after, mut rows) = (None, 0u64);
    loop {
        let page = store
            .live_bookings(model.partition(), after, ROWS_PER_PAGE)
            .await
            .or_reach()?;
        let Some(last) = page.last() else { break };
        after = Some(last.booking_id.offset());
        for row in page {
            rows += 1;
            let model = expected.remove(&row.booking_id);
            if model.as_ref() != Some(&(row.status, row.seats.clone())) {
                return Err(Failure::Found(anyhow!(
                    "booking {}: the database says {:?} with seats {:?}, the model {model:?}",
                    row.booking_id,
                    row.status,
                    row.seats
                )));
            }
        }
    }
    if projected_offset(&store.watermarks().await.or_reach()?, model.partition()) != at {
        return Ok("not compared, it moved on meanwhile".to_owned());
    }
    match expected.into_iter().next() {
        Some((id, what)) => Err(Failure::Found(anyhow!(
            "booking {id}: the model has it as {what:?}, the database does not have it"
        ))),
        None => Ok(format!("{rows} live bookings equal")),
    }
}
