//! Reading the two topics, and beginning again where a client has to be made anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_log::kafka::{
    KafkaError, KafkaSettings, OutcomeConsumer, OutcomeEvent, OutcomeStart, PublishedOutcome,
};
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
}

impl Outcomes {
    /// Reads the newest outcome of each partition and stands behind it.
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
        consumer.assign(&starts)?;
        let mut outcomes = Self {
            settings: settings.clone(),
            consumer,
            partitions: partitions.to_vec(),
            newest: BTreeMap::new(),
        };
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

    /// As [`OutcomeConsumer::poll`]; a client that has to be made anew goes on where it was.
    pub(super) fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(OutcomeEvent<'_>),
    ) -> Result<usize, KafkaError> {
        let newest = &mut self.newest;
        let result = self.consumer.poll(wait, |event| {
            if let OutcomeEvent::Seen { partition, outcome } = event {
                note(newest, partition, &outcome);
            }
            tell(event);
        });
        match result {
            Err(KafkaError::Fatal(why)) => {
                tracing::warn!(why, "the reader of the outcomes is made again");
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
                // Those that were read already are dropped by whoever is told.
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
        self.consumer.assign(&starts)
    }
}

/// Duplicates of another owner's stream do not set it back.
fn note(
    newest: &mut BTreeMap<PartitionId, Newest>,
    partition: PartitionId,
    outcome: &PublishedOutcome<'_>,
) {
    let seen = Newest {
        offset: outcome.offset,
        log_time_ms: outcome.log_time_ms,
    };
    newest
        .entry(partition)
        .and_modify(|newest| {
            if newest.offset < seen.offset {
                *newest = seen;
            }
        })
        .or_insert(seen);
}
