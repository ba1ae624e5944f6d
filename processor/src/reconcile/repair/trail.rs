//! Entries of the audit trail about what is passed over when a watermark is set forward.

use std::ops::Range;

use onsale_log::LogReader as _;
use onsale_schemas::{Offset, PartitionId};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::mpsc;

use super::error::ApplyError;
use super::target::Target;
use super::watermark::Astray;
use crate::askers::asker;
use crate::reconcile::Engine;
use crate::reconcile::log_rows::{OpenAgain, ReadAgainError};
use crate::replay::{Until, genesis, replay};

/// Outcomes whose entries are written in one transaction.
const OUTCOMES_PER_BATCH_MAX: usize = 4_096;
/// Batches that are read while one is being written.
const BATCHES_AHEAD: usize = 2;

/// Writes down what the log decided from where the projection stopped up to where its watermark is about to be
/// set: no projector comes there any more. Where the log no longer goes back to its beginning nothing is written,
/// and setting the watermark leaves an entry that says so.
pub(super) async fn note_passed_over(
    astray: &Astray<'_>,
    engine: Engine<'_>,
    target: Target<'_>,
) -> Result<(), ApplyError> {
    let machine = astray.machine;
    let (partition, end) = (machine.id(), machine.next_offset());
    let written = target.store.decided_up_to(partition).await?;
    let begin = written.max(astray.since().next_offset);
    let Some(log) = engine.log.filter(|_| begin < end) else {
        return Ok(());
    };
    let (to_trail, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let open = log.clone();
    let reading =
        tokio::task::spawn_blocking(move || read(&open, partition, begin..end, &to_trail));
    while let Some(batch) = batches.recv().await {
        let stands = astray.stood.next_offset;
        target.store.note_decided(stands, &batch).await?;
    }
    match reading.await {
        Ok(read) => Ok(read?),
        Err(error) => Err(ReadAgainError::BrokenOff(error.to_string()).into()),
    }
}

/// Reads the log again and hands on what it decided in a stretch.
fn read(
    open: &OpenAgain,
    partition: PartitionId,
    stretch: Range<Offset>,
    to_trail: &mpsc::Sender<ProjectionBatch>,
) -> Result<(), ReadAgainError> {
    let mut reader = open()?;
    if reader.bounds(partition)?.0 > 0 {
        return Ok(());
    }
    let until = Until {
        offset: Some(stretch.end),
        time_ms: None,
    };
    let mut batch = empty(partition, stretch.start);
    // Where the database has refused one, nobody takes the others.
    let hand_on = |batch: ProjectionBatch| drop(to_trail.blocking_send(batch));
    let machine = replay(
        &mut *reader,
        genesis(partition),
        until,
        |entry, outcome, _machine| {
            if entry.offset < stretch.start {
                return;
            }
            batch.next_offset = entry.offset + 1;
            batch.log_time_ms = entry.log_time_ms;
            let Some(record) = outcome else { return };
            if let Some(asker) = asker(entry, &record) {
                batch.askers.push((record.offset, asker));
            }
            batch.outcomes.push(record);
            if batch.outcomes.len() == OUTCOMES_PER_BATCH_MAX {
                let rest = empty(partition, batch.next_offset);
                hand_on(std::mem::replace(&mut batch, rest));
            }
        },
    )?;
    // Behind the last outcome there may be records without one.
    batch.next_offset = machine.next_offset().max(batch.from_offset);
    hand_on(batch);
    Ok(())
}

fn empty(partition: PartitionId, from_offset: Offset) -> ProjectionBatch {
    ProjectionBatch {
        partition,
        from_offset,
        next_offset: from_offset,
        log_time_ms: 0,
        outcomes: Vec::new(),
        askers: Vec::new(),
    }
}
