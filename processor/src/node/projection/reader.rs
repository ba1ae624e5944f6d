//! Outcomes from their topic, in order, as batches for a projector.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use onsale_log::kafka::{
    KafkaError, KafkaSettings, OutcomeConsumer, OutcomeEvent, OutcomeStart, PublishedOutcome,
    not_in_chain,
};
use onsale_log::{OutcomeChain, OutcomeReader, Step};
use onsale_schemas::{Asker, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId, codec};
use onsale_store::booking::Watermark;
use onsale_store::projection::ProjectionBatch;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::ProjectionError;
use crate::metrics::Metrics;

/// Longest wait for an outcome, in milliseconds. Bounds how late a stop is noticed.
const IDLE_MAX_MS: u64 = 50;
/// Pause before a batch is offered again to a projector that has enough, in milliseconds.
const FULL_PAUSE_MS: u64 = 5;
/// Outcomes of one partition that are handed over at once.
const BATCH_OUTCOMES_MAX: usize = 4_096;

/// Why an outcome was not taken.
enum NotTaken {
    /// It is skipped.
    Foreign(String),
    /// Nothing can be projected on.
    Broken(ProjectionError),
}

/// The outcomes of one partition on their way.
#[derive(Debug)]
struct Lane {
    chain: OutcomeReader,
    /// Where to begin reading; kept up to date for a reader that has to begin again.
    start: OutcomeStart,
    batch: ProjectionBatch,
}

impl Lane {
    fn after(partition: PartitionId, watermark: Option<&Watermark>) -> Self {
        let next_offset = watermark.map_or(0, |mark| mark.next_offset);
        let log_time_ms = watermark.map_or(0, |mark| mark.log_time_ms);
        let last_outcome = watermark.and_then(|mark| mark.last_outcome);
        Self {
            chain: OutcomeReader::new(OutcomeChain::after(last_outcome)),
            // Everything above the watermark stands at or after the first message of its time.
            start: last_outcome.map_or(OutcomeStart::Beginning, |_| {
                OutcomeStart::AtTime(log_time_ms)
            }),
            batch: empty(partition, next_offset, log_time_ms),
        }
    }

    fn take(&mut self, outcome: &PublishedOutcome<'_>, metrics: &Metrics) -> Result<(), NotTaken> {
        let (partition, offset) = (self.batch.partition, outcome.offset);
        // What does not read is never taken for the next one.
        let record: OutcomeRecord = codec::decode(outcome.payload)
            .map_err(|error| NotTaken::Foreign(format!("no outcome: {error}")))?;
        match self.chain.step(offset, outcome.previous) {
            Step::Seen => return Ok(()),
            Step::Aside { expected, got } => {
                return Err(NotTaken::Foreign(not_in_chain(offset, expected, got)));
            }
            Step::Gap { expected, got } => {
                return Err(NotTaken::Broken(ProjectionError::Gap {
                    partition,
                    offset,
                    expected,
                    got,
                }));
            }
            Step::New => {}
        }
        metrics.count_outcome(&record);
        self.start = OutcomeStart::AtTime(outcome.log_time_ms);
        self.batch.next_offset = offset + 1;
        self.batch.log_time_ms = time_after(&record);
        self.batch.outcomes.push(record);
        // Nodes of before do not say.
        let asker = outcome.asker.and_then(Asker::from_bytes);
        self.batch.askers.extend(asker.map(|asker| (offset, asker)));
        Ok(())
    }

    fn take_batch(&mut self) -> Option<ProjectionBatch> {
        if self.batch.outcomes.is_empty() {
            return None;
        }
        let ProjectionBatch {
            partition,
            next_offset,
            log_time_ms,
            ..
        } = self.batch;
        let rest = empty(partition, next_offset, log_time_ms);
        Some(std::mem::replace(&mut self.batch, rest))
    }
}

/// Machine time once the record was looked at. Its message carries the time from before, at which it
/// is found again as well: nothing in front of it is later than that.
fn time_after(record: &OutcomeRecord) -> LogTimeMs {
    match record.outcome {
        Outcome::ClockReset { to_ms, .. } if record.replay_of.is_none() => to_ms,
        _ => record.log_time_ms,
    }
}

fn empty(partition: PartitionId, from_offset: Offset, log_time_ms: LogTimeMs) -> ProjectionBatch {
    ProjectionBatch {
        partition,
        from_offset,
        next_offset: from_offset,
        log_time_ms,
        outcomes: Vec::new(),
        askers: Vec::new(),
    }
}

/// Waits for a slow database: the outcomes are safe in their topic. False when a stop is asked for,
/// or when the projector has stopped, which has said why.
fn hand_over(
    to_projector: &mpsc::Sender<ProjectionBatch>,
    mut batch: ProjectionBatch,
    stopping: &AtomicBool,
) -> bool {
    loop {
        match to_projector.try_send(batch) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(_)) if stopping.load(Ordering::Relaxed) => return false,
            Err(TrySendError::Full(waiting)) => {
                batch = waiting;
                std::thread::sleep(Duration::from_millis(FULL_PAUSE_MS));
            }
        }
    }
}

/// The thread that reads.
pub(super) struct Reader {
    lanes: BTreeMap<PartitionId, Lane>,
    to_projector: mpsc::Sender<ProjectionBatch>,
    metrics: Metrics,
    stopping: Arc<AtomicBool>,
}

impl Reader {
    /// Of what a database with these watermarks does not have.
    pub(super) fn after(
        watermarks: &[Watermark],
        partitions: u16,
        to_projector: mpsc::Sender<ProjectionBatch>,
        metrics: Metrics,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        let lanes = (0..partitions)
            .map(PartitionId)
            .map(|partition| {
                let mark = watermarks.iter().find(|mark| mark.partition == partition);
                (partition, Lane::after(partition, mark))
            })
            .collect();
        Self {
            lanes,
            to_projector,
            metrics,
            stopping,
        }
    }

    pub(super) fn run(mut self, kafka: &KafkaSettings) -> Result<(), ProjectionError> {
        let mut consumer = self.assign(kafka)?;
        while !self.stopping.load(Ordering::Relaxed) {
            match self.read(&mut consumer) {
                Ok(()) => {}
                Err(ProjectionError::Kafka(KafkaError::Fatal(why))) => {
                    tracing::warn!(why, "the reader of the outcomes is replaced");
                    consumer = self.assign(kafka)?;
                }
                Err(error) => return Err(error),
            }
            for lane in self.lanes.values_mut() {
                let Some(batch) = lane.take_batch() else {
                    continue;
                };
                if !hand_over(&self.to_projector, batch, &self.stopping) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn assign(&self, kafka: &KafkaSettings) -> Result<OutcomeConsumer, ProjectionError> {
        let mut consumer = OutcomeConsumer::new(kafka)?;
        let starts: Vec<_> = self
            .lanes
            .iter()
            .map(|(partition, lane)| (*partition, lane.start))
            .collect();
        consumer.assign(&starts)?;
        Ok(consumer)
    }

    fn read(&mut self, consumer: &mut OutcomeConsumer) -> Result<(), ProjectionError> {
        let mut failure = None;
        let mut foreign = Vec::new();
        let (lanes, metrics) = (&mut self.lanes, &self.metrics);
        let mut wait = Duration::from_millis(IDLE_MAX_MS);
        loop {
            let mut is_full = false;
            let seen = consumer.poll(wait, |event| {
                if let OutcomeEvent::Seen { partition, outcome } = event
                    && failure.is_none()
                    && let Some(lane) = lanes.get_mut(&partition)
                {
                    match lane.take(&outcome, metrics) {
                        Ok(()) => {}
                        Err(NotTaken::Foreign(why)) => {
                            foreign.push((partition, outcome.position, why));
                        }
                        Err(NotTaken::Broken(error)) => failure = Some(error),
                    }
                    is_full |= lane.batch.outcomes.len() >= BATCH_OUTCOMES_MAX;
                }
            })?;
            for (partition, position, why) in foreign.drain(..) {
                consumer.note_foreign(partition, position, why);
            }
            // All that is there by now goes into few transactions.
            wait = Duration::ZERO;
            if let Some(error) = failure {
                return Err(error);
            }
            if seen == 0 || is_full {
                return Ok(());
            }
        }
    }
}
