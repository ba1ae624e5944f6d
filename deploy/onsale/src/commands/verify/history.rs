//! Compares what clients recorded with the log.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, anyhow};
use onsale_schemas::{SeatIndex, ShowId};
use onsale_simulation::history::{self, Answer, Call, HistoryError, Judge, Verdict};
use onsale_store::Store;
use onsale_store::catalog::ShowRow;

use crate::client;
use crate::commands::store;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{labels, output};

/// A history, and the labels of the seats in it.
pub(super) struct Recorded {
    pub(super) judge: Judge,
    labels: HashMap<ShowId, Vec<String>>,
}

/// Reads a history.
pub(super) fn read(path: &Path, config: &Config) -> Result<Recorded, Failure> {
    let name = path.display();
    let file = File::open(path)
        .with_context(|| format!("cannot open the history {name}"))
        .or_reach()?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = output::progress(size, "history");
    let calls = history::read(BufReader::new(file), |bytes| {
        bar.inc(u64::try_from(bytes).unwrap_or_default());
    });
    bar.finish_and_clear();
    let calls = calls.map_err(|error| match error {
        HistoryError::Io(_) => Failure::Reach(error.into()),
        HistoryError::Line { .. } => Failure::Use(error.into()),
    })?;
    let labels = client::block_on(labels_of(config, shows(&calls)))?;
    Ok(Recorded {
        judge: Judge::new(calls),
        labels,
    })
}

/// The shows in which seats were granted.
fn shows(calls: &[Call]) -> Vec<ShowId> {
    let mut shows: Vec<ShowId> = calls
        .iter()
        .filter_map(|call| match &call.answer {
            Answer::Granted(granted) => granted.show_id.map(ShowId),
            Answer::Refused(_) | Answer::Unknown | Answer::Unreadable(_) => None,
        })
        .collect();
    shows.sort_unstable();
    shows.dedup();
    shows
}

async fn labels_of(
    config: &Config,
    shows: Vec<ShowId>,
) -> Result<HashMap<ShowId, Vec<String>>, Failure> {
    let mut labels = HashMap::new();
    let Some(store) = store::open(config).await? else {
        return Ok(labels);
    };
    for show in shows {
        if let Some(row) = show_row(&store, show).await? {
            labels.insert(show, labels::of_show(&row));
        }
    }
    Ok(labels)
}

async fn show_row(store: &Store, show: ShowId) -> Result<Option<ShowRow>, Failure> {
    store
        .show(show)
        .await
        .context("cannot read the catalog")
        .or_reach()
}

impl Recorded {
    /// Judges the history once every partition was shown.
    pub(super) fn verdict(self) -> Verdict {
        let labels = self.labels;
        self.judge.verdict(|show: ShowId, seat: SeatIndex| {
            let place = usize::try_from(seat).ok()?;
            labels.get(&show)?.get(place).cloned()
        })
    }
}

/// Says what came of it.
pub(super) fn report(verdict: &Verdict) -> Result<(), Failure> {
    if verdict.is_sound() {
        return Ok(());
    }
    let first: Vec<String> = verdict.first.iter().map(ToString::to_string).collect();
    Err(Failure::Found(anyhow!(
        "{} violations in the history; the first:\n{}",
        verdict.violations,
        first.join("\n")
    )))
}

/// The figures in words.
pub(super) fn line(verdict: &Verdict) -> String {
    format!(
        "history: {} calls, {} successes and {} refusals as the log says, {} refused before the \
         log, {} unknown ({} of them booked), {} not judged; {} calls began after another had been \
         answered, and stand behind it in the log",
        verdict.calls,
        verdict.granted,
        verdict.refused,
        verdict.refused_before_the_log,
        verdict.unknown,
        verdict.unacknowledged,
        verdict.not_judged,
        verdict.ordered
    )
}

/// The figures for scripts.
pub(super) fn json(verdict: &Verdict) -> serde_json::Value {
    serde_json::json!({
        "calls": verdict.calls,
        "granted": verdict.granted,
        "refused": verdict.refused,
        "refused_before_the_log": verdict.refused_before_the_log,
        "unknown": verdict.unknown,
        "unacknowledged": verdict.unacknowledged,
        "not_judged": verdict.not_judged,
        "ordered": verdict.ordered,
        "violations": verdict.violations,
    })
}
