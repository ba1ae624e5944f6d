//! Reading the outcomes, and starting again where a client has to be replaced.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_log::kafka::{
    KafkaError, KafkaSettings, OutcomeConsumer, OutcomeEvent, OutcomeStart, PublishedOutcome,
};
use onsale_log::{OutcomeChain, OutcomeReader, Step};
use onsale_schemas::{LogTimeMs, Offset, PartitionId};

/// How long a start waits for the end of the outcomes.
const TAIL_PATIENCE: Duration = Duration::from_secs(60);

/// The newest outcome of a partition that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Newest {
    pub(super) offset: Offset,
    pub(super) log_time_ms: LogTimeMs,
}

/// The outcomes of some partitions, from the newest one on.
#[derive(Debug)]
pub(super) struct Outcomes {
    settings: KafkaSettings,
    consumer: OutcomeConsumer,
    partitions: Vec<PartitionId>,
    newest: BTreeMap<PartitionId, Newest>,
    /// What of it is the chain: the newest one is not just the highest offset that anybody names.
    chains: BTreeMap<PartitionId, OutcomeReader>,
}

impl Outcomes {
    /// Reads the newest outcome of each partition and continues after it.
    ///
    /// # Errors
    /// When the brokers do not answer in time.
    pub(super) fn at_the_end(
        settings: &KafkaSettings,
        partitions: &[PartitionId],
    ) -> Result<Self, KafkaError> {
        let mut consumer = OutcomeConsumer::new(settings)?;
        let starts: Vec<_> = partitions
            .iter()
            .map(|partition| (*partition, OutcomeStart::Last))
            .collect();
        let ends = consumer.assign(&starts)?;
        let mut outcomes = Self {
            settings: settings.clone(),
            consumer,
            partitions: partitions.to_vec(),
            newest: BTreeMap::new(),
            chains: BTreeMap::new(),
        };
        for partition in partitions {
            let chain = match ends.get(partition) {
                Some(end) => {
                    let newest = Newest {
                        offset: end.offset,
                        log_time_ms: end.log_time_ms,
                    };
                    outcomes.newest.insert(*partition, newest);
                    OutcomeChain::after(Some(end.offset))
                }
                None => OutcomeChain::anywhere(),
            };
            let reader = OutcomeReader::new(chain);
            outcomes.chains.insert(*partition, reader);
        }
        let deadline = Instant::now() + TAIL_PATIENCE;
        let mut missing: Vec<PartitionId> = partitions.to_vec();
        while !missing.is_empty() {
            if Instant::now() > deadline {
                return Err(KafkaError::Fatal(format!(
                    "the end of the outcomes of partitions {missing:?} was not reached in {} s",
                    TAIL_PATIENCE.as_secs()
                )));
            }
            outcomes.poll(Duration::from_millis(100), |event| {
                if let OutcomeEvent::End { partition } = event {
                    missing.retain(|other| *other != partition);
                }
            })?;
        }
        Ok(outcomes)
    }

    /// The newest outcome that was read.
    pub(super) fn newest(&self, partition: PartitionId) -> Option<Newest> {
        self.newest.get(&partition).copied()
    }

    /// As [`OutcomeConsumer::poll`]; a client that has to be replaced continues where it was.
    pub(super) fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(OutcomeEvent<'_>),
    ) -> Result<usize, KafkaError> {
        let (newest, chains) = (&mut self.newest, &mut self.chains);
        let result = self.consumer.poll(wait, |event| {
            if let OutcomeEvent::Seen { partition, outcome } = event
                && let Some(chain) = chains.get_mut(&partition)
            {
                note(chain, newest, partition, &outcome);
            }
            tell(event);
        });
        match result {
            Err(KafkaError::Fatal(why)) => {
                tracing::warn!(why, "the reader of the outcomes is replaced");
                self.restart()?;
                Ok(0)
            }
            other => other,
        }
    }

    fn restart(&mut self) -> Result<(), KafkaError> {
        let starts: Vec<_> = self
            .partitions
            .iter()
            .map(|partition| {
                // The receiver drops those that were read already.
                let start = self
                    .newest
                    .get(partition)
                    .map_or(OutcomeStart::Beginning, |newest| {
                        OutcomeStart::AtTime(newest.log_time_ms)
                    });
                (*partition, start)
            })
            .collect();
        self.consumer = OutcomeConsumer::new(&self.settings)?;
        self.consumer.assign(&starts)?;
        Ok(())
    }
}

/// Repeats of another owner's stream do not set it back, and foreign records do not move it.
fn note(
    chain: &mut OutcomeReader,
    newest: &mut BTreeMap<PartitionId, Newest>,
    partition: PartitionId,
    outcome: &PublishedOutcome<'_>,
) {
    match chain.step(outcome.offset, outcome.previous) {
        Step::New => {}
        Step::Seen | Step::Aside { .. } => return,
        // The member says what that means.
        Step::Gap { .. } => *chain = OutcomeReader::new(OutcomeChain::after(Some(outcome.offset))),
    }
    let seen = Newest {
        offset: outcome.offset,
        log_time_ms: outcome.log_time_ms,
    };
    newest.insert(partition, seen);
}
