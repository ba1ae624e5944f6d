//! Outcomes on their way to the topic, and the publisher that is replaced when it failed.

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender};
use onsale_log::kafka::{
    KafkaError, KafkaSettings, OutcomePublisher, PublishError, PublishFailure,
};
use onsale_schemas::PartitionId;

use crate::member::Publication;

/// Publishes what members give, in their order. What the broker's queue does not take at once
/// waits here; it is bounded by what the members keep unpublished.
#[derive(Debug)]
pub(super) struct Publisher {
    settings: KafkaSettings,
    /// `None` while it cannot be created.
    publisher: Option<OutcomePublisher>,
    waiting: VecDeque<(PartitionId, Publication)>,
    failures: (Sender<PublishFailure>, Receiver<PublishFailure>),
}

impl Publisher {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let mut publisher = Self {
            settings: settings.clone(),
            publisher: None,
            waiting: VecDeque::new(),
            failures: crossbeam_channel::unbounded(),
        };
        publisher.publisher = Some(publisher.make()?);
        Ok(publisher)
    }

    /// Takes outcomes of one partition after all that were given before.
    pub(super) fn publish(&mut self, partition: PartitionId, outcomes: Vec<Publication>) {
        let queue = outcomes.into_iter().map(|outcome| (partition, outcome));
        self.waiting.extend(queue);
    }

    /// Hands over what the broker's queue takes; true when something is left.
    pub(super) fn flush(&mut self) -> bool {
        let Some(publisher) = &self.publisher else {
            return !self.waiting.is_empty();
        };
        while let Some((partition, outcome)) = self.waiting.front() {
            let result = publisher.publish(
                *partition,
                outcome.offset,
                outcome.log_time_ms,
                outcome.digest,
                &outcome.payload,
                outcome.asker,
            );
            match result {
                Ok(()) => drop(self.waiting.pop_front()),
                // Its callback reports a failed one; until then nothing more is sent.
                Err(PublishError::QueueFull | PublishError::Failed) => return true,
            }
        }
        false
    }

    /// Makes a failed publisher again; true when the members have to give their outcomes once more.
    /// What waited is forgotten with the failed one.
    pub(super) fn mend(&mut self) -> bool {
        let failure = self.failures.1.try_iter().last();
        if let Some(failure) = &failure {
            tracing::warn!(
                partition = ?failure.partition,
                reason = failure.reason,
                "outcomes could not be published; publishing again from what the topic has"
            );
            self.publisher = None;
            self.waiting.clear();
        }
        if self.publisher.is_some() {
            return false;
        }
        match self.make() {
            Ok(publisher) => {
                self.publisher = Some(publisher);
                true
            }
            Err(error) => {
                tracing::error!(%error, "no publisher can be created; trying again");
                false
            }
        }
    }

    fn make(&self) -> Result<OutcomePublisher, KafkaError> {
        let failures = self.failures.0.clone();
        OutcomePublisher::new(&self.settings, move |failure| {
            // The receiver lives as long as the driver.
            drop(failures.send(failure));
        })
    }
}
