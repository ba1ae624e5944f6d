//! The log against the independent model.

use anyhow::anyhow;
use onsale_log::LogReader;
use onsale_processor::replay::{self, Until};
use onsale_schemas::PartitionId;
use onsale_simulation::history::Judge;
use onsale_simulation::linear::{Checker, Difference, Summary};
use onsale_simulation::model::Model;

use crate::exit::{Failure, OrFail};
use crate::output;

/// Runs engine and model side by side over the whole log of a partition.
pub(super) fn check(
    reader: &mut dyn LogReader,
    partition: PartitionId,
    mut judge: Option<&mut Judge>,
) -> Result<(Summary, Model), Failure> {
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
    Ok((checker.finish().or_found()?, model))
}
