//! Compares the log with the independent model.

use anyhow::anyhow;
use onsale_engine::Partition;
use onsale_log::LogReader;
use onsale_processor::reconcile::{Asked, LogRows};
use onsale_processor::replay::{self, Until};
use onsale_schemas::{Entry, Envelope, Offset, PartitionId, codec};
use onsale_simulation::history::Judge;
use onsale_simulation::linear::{Checker, Difference, Summary};
use onsale_simulation::model::Model;

use crate::exit::{Failure, OrFail};
use crate::output;

/// Records that are not commands and are named.
const FOREIGN_MAX: usize = 8;

/// A partition's log, as engine and model agree on it.
pub(super) struct Checked {
    pub(super) summary: Summary,
    pub(super) model: Model,
    /// Offset of the last record that yielded an outcome.
    pub(super) last_outcome: Option<Offset>,
    pub(super) foreign: Foreign,
    /// The engine at the end.
    pub(super) machine: Partition,
    /// Every booking as the projection should have written it, where that is asked for.
    pub(super) rows: Option<LogRows>,
}

/// Records that are not commands. They have no effect.
#[derive(Default)]
pub(super) struct Foreign {
    pub(super) count: u64,
    /// The first of them, each with what is wrong with it.
    pub(super) first: Vec<(Offset, String)>,
}

impl Foreign {
    fn note(&mut self, entry: &Entry<'_>) {
        let Err(error) = codec::decode::<Envelope>(entry.payload) else {
            return;
        };
        self.count += 1;
        if self.first.len() < FOREIGN_MAX {
            self.first.push((entry.offset, error.to_string()));
        }
    }
}

/// Runs engine and model side by side over the whole log of a partition.
pub(super) fn check(
    reader: &mut dyn LogReader,
    partition: PartitionId,
    with_rows: bool,
    mut judge: Option<&mut Judge>,
) -> Result<Checked, Failure> {
    let (first, end) = reader.bounds(partition).or_reach()?;
    if first > 0 {
        return Err(Failure::Use(anyhow!(
            "partition {partition} begins at offset {first}: retention has removed its beginning, \
             and the model has no snapshot to begin from"
        )));
    }
    if let Some(judge) = &mut judge {
        judge.begin(partition);
    }
    let bar = output::progress(end, "verify");
    let mut checker = Checker::new(partition);
    let mut difference: Option<Difference> = None;
    let (mut last_outcome, mut foreign) = (None, Foreign::default());
    let mut following = true;
    let mut rows = with_rows.then(|| LogRows::new(partition, Asked::All));
    let machine = replay::genesis(partition);
    let machine = replay::replay(
        reader,
        machine,
        Until {
            offset: Some(end),
            time_ms: None,
        },
        |entry, outcome, machine| {
            bar.inc(1);
            if let (Some(rows), Some(record)) = (&mut rows, &outcome) {
                rows.take(record, machine);
            }
            match &outcome {
                Some(record) => last_outcome = Some(record.offset),
                // Few records yield nothing and are no tick, so few are decoded once more.
                None => foreign.note(&entry),
            }
            if let (Some(judge), Some(record)) = (&mut judge, &outcome) {
                judge.outcome(partition, record);
            }
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
    Ok(Checked {
        summary: checker.finish().or_found()?,
        model,
        last_outcome,
        foreign,
        machine,
        rows,
    })
}
