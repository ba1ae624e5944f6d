//! Following the commands of several partitions.

use std::time::Duration;

use onsale_schemas::{Entry, Offset, PartitionId};

use super::tail::{Holes, Tail, TailEvent};
use super::{KafkaError, KafkaSettings};

/// What it is called in reports.
const NAME: &str = "commands consumer";

/// An event of a [`CommandConsumer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogEvent<'a> {
    /// The next command of a partition, as it is in the log.
    Entry {
        /// Its partition.
        partition: PartitionId,
        /// The command.
        entry: Entry<'a>,
    },
    /// The end of a partition was reached. Reported each time the end is reached, and again after
    /// [`LogEvent::Lost`].
    End {
        /// The partition.
        partition: PartitionId,
        /// The offset that the next command will have.
        next_offset: Offset,
    },
    /// The connection to the brokers was lost: until the next [`LogEvent::End`] of a partition,
    /// silence in it means nothing. Reported once per loss.
    Lost,
}

/// Reads commands of its partitions, each in order and without gaps. Belongs on a thread of its
/// own.
#[derive(Debug)]
pub struct CommandConsumer {
    tail: Tail,
}

impl CommandConsumer {
    /// A consumer of the commands topic that reads nothing yet.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            tail: Tail::new(
                settings,
                NAME,
                settings.commands_topic(),
                Holes::SingleAreEmpty,
            )?,
        })
    }

    /// Reads these partitions, each from the given offset, instead of what it read before. None of
    /// them is paused then.
    ///
    /// # Errors
    /// When the client refuses. An offset that is gone shows in [`CommandConsumer::poll`].
    pub fn assign(&mut self, from: &[(PartitionId, Offset)]) -> Result<(), KafkaError> {
        self.tail.assign(from.iter().copied())
    }

    /// The first offset kept of a partition and the one after the last. Blocks for a round trip.
    ///
    /// # Errors
    /// [`KafkaError::Broker`] when the brokers do not answer.
    pub fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), KafkaError> {
        self.tail.watermarks(partition)
    }

    /// Stops reporting on a partition until [`CommandConsumer::resume`]. Nothing of it is lost.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn pause(&mut self, partition: PartitionId) -> Result<(), KafkaError> {
        self.tail.pause(partition, true)
    }

    /// Resumes a paused partition where it was paused.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn resume(&mut self, partition: PartitionId) -> Result<(), KafkaError> {
        self.tail.pause(partition, false)
    }

    /// Waits at most `wait` for the first event, then reports everything that is there (bounded)
    /// and returns the number of events. Lost connections are restored automatically.
    ///
    /// # Errors
    /// [`KafkaError::Hole`], [`KafkaError::OffsetGone`], [`KafkaError::Fatal`]: reading cannot
    /// continue without an operator's decision.
    pub fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(LogEvent<'_>),
    ) -> Result<usize, KafkaError> {
        self.tail.poll(wait, |event| {
            tell(match event {
                TailEvent::Record(record) => LogEvent::Entry {
                    partition: record.partition,
                    entry: Entry {
                        offset: record.position,
                        log_time_ms: record.time_ms,
                        payload: record.payload,
                    },
                },
                TailEvent::End { partition, next } => LogEvent::End {
                    partition,
                    next_offset: next,
                },
                TailEvent::Lost => LogEvent::Lost,
            });
            Ok(())
        })
    }
}
