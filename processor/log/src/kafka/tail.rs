//! Following several partitions of one topic: what commands and outcomes have in common.

use std::time::Duration;

use onsale_schemas::{LogTimeMs, PartitionId};
use rdkafka::Message as _;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::clients::{self, broker_error};
use super::outcome_consumer::ASKER_HEADER;
use super::{ForeignRecord, KafkaError, KafkaSettings};

/// Events reported in one poll.
const EVENTS_PER_POLL_MAX: usize = 4_096;

/// What a position without a record means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holes {
    /// Nothing: the reader has another way to know that something is missing.
    Skipped,
    /// A single one is the mark of a foreign transaction, which readers are never shown: it is
    /// reported as an empty record. More of them are missing records.
    SingleAreEmpty,
}

/// Log time of an empty record in the place of a mark: one that advances no clock, the same for
/// every reader.
pub(super) const MARK_TIME_MS: LogTimeMs = 0;
/// Why a mark is foreign.
pub(super) const MARK_WHY: &str =
    "no record is there: it is the mark of a transaction, and no node uses transactions";

/// A record as it is in the topic.
pub(super) struct Record<'a> {
    pub(super) partition: PartitionId,
    /// Its position in the topic.
    pub(super) position: u64,
    pub(super) time_ms: LogTimeMs,
    pub(super) key: &'a [u8],
    pub(super) payload: &'a [u8],
    /// The header that says who asked for an outcome.
    pub(super) asker: Option<&'a [u8]>,
}

/// What a [`Tail`] tells.
pub(super) enum TailEvent<'a> {
    Record(Record<'a>),
    End { partition: PartitionId, next: u64 },
    Lost,
}

/// Reads partitions of a topic from given positions, each in order.
pub(super) struct Tail {
    settings: KafkaSettings,
    consumer: clients::Consumer,
    topic: String,
    holes: Holes,
    cursors: Vec<Cursor>,
    /// [`TailEvent::Lost`] was reported and nothing has arrived since.
    lost: bool,
}

struct Cursor {
    partition: PartitionId,
    next: u64,
    paused: bool,
}

impl Tail {
    pub(super) fn new(
        settings: &KafkaSettings,
        name: &'static str,
        topic: String,
        holes: Holes,
    ) -> Result<Self, KafkaError> {
        Ok(Self {
            settings: settings.clone(),
            consumer: clients::consumer(settings, name)?,
            topic,
            holes,
            cursors: Vec::new(),
            lost: false,
        })
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn consumer(&self) -> &clients::Consumer {
        &self.consumer
    }

    pub(super) fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    /// The first position kept and the one after the last.
    pub(super) fn watermarks(&self, partition: PartitionId) -> Result<(u64, u64), KafkaError> {
        clients::watermarks(&self.settings, &self.consumer, &self.topic, partition)
    }

    /// Reads these instead of what was read before.
    pub(super) fn assign(
        &mut self,
        from: impl Iterator<Item = (PartitionId, u64)>,
    ) -> Result<(), KafkaError> {
        self.cursors = from
            .map(|(partition, next)| Cursor {
                partition,
                next,
                paused: false,
            })
            .collect();
        self.assign_again()
    }

    /// Pauses or resumes one partition.
    pub(super) fn pause(&mut self, partition: PartitionId, paused: bool) -> Result<(), KafkaError> {
        let cursor = self
            .cursors
            .iter_mut()
            .find(|cursor| cursor.partition == partition && cursor.paused != paused);
        let Some(cursor) = cursor else { return Ok(()) };
        cursor.paused = paused;
        let mut list = TopicPartitionList::with_capacity(1);
        if paused {
            list.add_partition(&self.topic, clients::native(partition));
            let stopped = self.consumer.stop(&list);
            return stopped.map_err(broker_error(&self.settings, "pause"));
        }
        clients::add(&mut list, &self.topic, partition, cursor.next)
            .and_then(|()| self.consumer.start(&list))
            .map_err(broker_error(&self.settings, "resume"))
    }

    /// Whether a client with brokers would report at least the end of a partition.
    fn is_reading(&self) -> bool {
        self.cursors.iter().any(|cursor| !cursor.paused)
    }

    /// Makes the client start where reading stands. It then reports the ends again.
    fn assign_again(&self) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(self.cursors.len());
        self.cursors
            .iter()
            .filter(|cursor| !cursor.paused)
            .try_for_each(|cursor| {
                clients::add(&mut list, &self.topic, cursor.partition, cursor.next)
            })
            .and_then(|()| self.consumer.assign(&list))
            .map_err(broker_error(&self.settings, "assign"))
    }

    /// Waits at most `wait` for the first event, then reports what is there, up to a bound.
    pub(super) fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(TailEvent<'_>) -> Result<(), KafkaError>,
    ) -> Result<usize, KafkaError> {
        self.poll_with(wait, |_, event| tell(event))
    }

    /// As [`Tail::poll`], with access to the client.
    pub(super) fn poll_with(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(&clients::Consumer, TailEvent<'_>) -> Result<(), KafkaError>,
    ) -> Result<usize, KafkaError> {
        // Its loss was reported, and it starts where reading stands, as after any other.
        if self.lost && self.is_reading() && self.consumer.replace_if_silent() {
            self.assign_again()?;
        }
        let mut wait = wait;
        for reported in 0..EVENTS_PER_POLL_MAX {
            match self.consumer.poll(wait) {
                None => return Ok(reported),
                Some(Ok(message)) => {
                    let Some(cursor) = cursor(&mut self.cursors, message.partition()) else {
                        continue;
                    };
                    let position = clients::offset_of(message.offset());
                    if position > cursor.next {
                        match self.holes {
                            Holes::Skipped => cursor.next = position,
                            Holes::SingleAreEmpty if position == cursor.next + 1 => {
                                let mark = Record {
                                    partition: cursor.partition,
                                    position: cursor.next,
                                    time_ms: MARK_TIME_MS,
                                    key: &[],
                                    payload: &[],
                                    asker: None,
                                };
                                cursor.next = position;
                                self.settings.foreign.note(ForeignRecord {
                                    topic: self.topic.clone(),
                                    partition: mark.partition,
                                    offset: mark.position,
                                    why: MARK_WHY.to_owned(),
                                });
                                tell(&self.consumer, TailEvent::Record(mark))?;
                            }
                            Holes::SingleAreEmpty => {
                                return Err(KafkaError::Hole {
                                    topic: self.topic.clone(),
                                    partition: cursor.partition,
                                    last: cursor.next.checked_sub(1),
                                    found: position,
                                });
                            }
                        }
                    }
                    if position == cursor.next {
                        cursor.next += 1;
                        self.lost = false;
                        self.consumer.heard();
                        let record = Record {
                            partition: cursor.partition,
                            position,
                            time_ms: message
                                .timestamp()
                                .to_millis()
                                .map_or(0, clients::offset_of),
                            key: message.key().unwrap_or_default(),
                            payload: message.payload().unwrap_or_default(),
                            asker: asker(&message),
                        };
                        tell(&self.consumer, TailEvent::Record(record))?;
                    }
                }
                Some(Err(ClientError::PartitionEOF(partition))) => {
                    if let Some(cursor) = cursor(&mut self.cursors, partition) {
                        self.lost = false;
                        self.consumer.heard();
                        let end = TailEvent::End {
                            partition: cursor.partition,
                            next: cursor.next,
                        };
                        tell(&self.consumer, end)?;
                    }
                }
                Some(Err(error)) => self.on_error(&error, &mut tell)?,
            }
            wait = Duration::ZERO;
        }
        Ok(EVENTS_PER_POLL_MAX)
    }

    fn on_error(
        &mut self,
        error: &ClientError,
        tell: &mut impl FnMut(&clients::Consumer, TailEvent<'_>) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        match error {
            ClientError::MessageConsumptionFatal(_) => {
                return Err(KafkaError::Fatal(error.to_string()));
            }
            ClientError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::LogTruncation,
            ) => {
                if let Err(gone @ KafkaError::OffsetGone { .. }) = self.find_gone_offset() {
                    return Err(gone);
                }
                // It is there, or no broker answers now: the client has stopped, so start again.
                self.lost = false;
            }
            _ => {}
        }
        if !self.lost {
            self.lost = true;
            self.consumer.lost();
            tracing::warn!(topic = self.topic, "lost the connection to Kafka: {error}");
            tell(&self.consumer, TailEvent::Lost)?;
            self.assign_again()?;
        }
        Ok(())
    }

    /// An offset to read from was not there. It may be by now (a broker that is still starting);
    /// otherwise this says which one.
    fn find_gone_offset(&self) -> Result<(), KafkaError> {
        for cursor in &self.cursors {
            let (first, next) = self.watermarks(cursor.partition)?;
            if cursor.next < first || cursor.next > next {
                return Err(KafkaError::OffsetGone {
                    topic: self.topic.clone(),
                    partition: cursor.partition,
                    asked: cursor.next,
                    first,
                    next,
                });
            }
        }
        Ok(())
    }
}

/// Where a partition is that is read now.
/// The header of a message that says who asked for an outcome.
fn asker<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a [u8]> {
    let mut headers = message.headers()?.iter();
    headers.find(|header| header.key == ASKER_HEADER)?.value
}

fn cursor(cursors: &mut [Cursor], native: i32) -> Option<&mut Cursor> {
    cursors
        .iter_mut()
        .find(|cursor| clients::native(cursor.partition) == native && !cursor.paused)
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail")
            .field("topic", &self.topic)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
