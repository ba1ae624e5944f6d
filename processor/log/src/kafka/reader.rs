//! The log as a blocking processor reads it.

use std::time::{Duration, Instant};

use onsale_schemas::{LogTimeMs, Offset, PartitionId};
use parking_lot::Mutex;
use rdkafka::Message as _;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::clients::{self, broker_error};
use super::tail::{MARK_TIME_MS, MARK_WHY};
use super::{ForeignRecord, KafkaError, KafkaSettings};
use crate::storage::{EntryBatch, LogError, LogReader};

/// What it is called in reports.
const NAME: &str = "log reader";
/// How long records that certainly exist may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait for a record at a time.
const POLL: Duration = Duration::from_millis(50);

/// Reads the commands topic partition by partition. For replay and verification; a node that
/// follows several partitions uses [`CommandConsumer`](super::CommandConsumer). After a call that
/// failed the next one uses a new client.
pub struct KafkaReader {
    settings: KafkaSettings,
    client: Mutex<Client>,
    topic: String,
    at: Option<Cursor>,
}

struct Client {
    consumer: clients::Consumer,
    /// Distinguishes it from those that it replaced.
    number: u64,
}

/// Where the client is.
struct Cursor {
    partition: PartitionId,
    /// The next offset that [`LogReader::read`] has not returned.
    next: Offset,
    /// The end of the partition when last asked.
    end: Offset,
    /// The client that fetches from `next` on.
    fetched_by: Option<u64>,
    /// The record at `next`, when it was fetched but did not fit.
    held: Option<(LogTimeMs, Vec<u8>)>,
    /// The record after `next`, when it was fetched and none is at `next`.
    ahead: Option<(LogTimeMs, Vec<u8>)>,
}

impl KafkaReader {
    /// A reader of the commands topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            settings: settings.clone(),
            client: Mutex::new(Client {
                consumer: clients::consumer(settings, NAME)?,
                number: 0,
            }),
            topic: settings.commands_topic(),
            at: None,
        })
    }

    fn watermarks(&self, partition: PartitionId) -> Result<(Offset, Offset), KafkaError> {
        self.with_client(|client| {
            clients::watermarks(&self.settings, &client.consumer, &self.topic, partition)
        })
    }

    /// Calls the client, and replaces it when the brokers do not answer: it may be the client that
    /// has lost them.
    fn with_client<T>(
        &self,
        call: impl FnOnce(&Client) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let mut client = self.client.lock();
        let result = call(&client);
        match &result {
            Err(KafkaError::Broker { .. }) => {
                client.consumer.lost();
                if client.consumer.replace("the brokers did not answer it") {
                    client.number += 1;
                }
            }
            _ => client.consumer.heard(),
        }
        result
    }

    /// Where to read on from, with the client there when there is something to read.
    fn cursor(&mut self, partition: PartitionId, from: Offset) -> Result<Cursor, LogError> {
        let known = self.at.take();
        let mut cursor = known
            .filter(|cursor| cursor.partition == partition && cursor.next == from)
            .unwrap_or(Cursor {
                partition,
                next: from,
                end: 0,
                fetched_by: None,
                held: None,
                ahead: None,
            });
        if cursor.end <= from {
            let (first, end) = self.watermarks(partition)?;
            if from < first {
                return Err(LogError::OffsetGone {
                    partition,
                    asked: from,
                    first,
                });
            }
            cursor.end = end;
        }
        let client = self.client.lock();
        if cursor.end > from && cursor.fetched_by != Some(client.number) {
            self.assign(&client, partition, from)?;
            cursor.fetched_by = Some(client.number);
        }
        drop(client);
        Ok(cursor)
    }

    fn assign(
        &self,
        client: &Client,
        partition: PartitionId,
        from: Offset,
    ) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        clients::add(&mut list, &self.topic, partition, from)
            .and_then(|()| client.consumer.assign(&list))
            .map_err(broker_error(&self.settings, "assign"))
    }

    fn check(&self, partition: PartitionId) -> Result<(), LogError> {
        if partition.0 < self.settings.partitions {
            return Ok(());
        }
        Err(LogError::UnknownPartition {
            partition,
            partitions: self.settings.partitions,
        })
    }

    /// The next record at the cursor, waiting for it.
    fn next(&self, cursor: &mut Cursor) -> Result<(LogTimeMs, Vec<u8>), KafkaError> {
        if let Some(ahead) = cursor.ahead.take() {
            return Ok(ahead);
        }
        self.with_client(|client| self.fetch(client, cursor))
    }

    fn fetch(
        &self,
        client: &Client,
        cursor: &mut Cursor,
    ) -> Result<(LogTimeMs, Vec<u8>), KafkaError> {
        let began = Instant::now();
        let mut last_error = None;
        let mut is_asked_again = false;
        while began.elapsed() < READ_TIMEOUT {
            match client.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let offset = clients::offset_of(message.offset());
                    if message.partition() != clients::native(cursor.partition)
                        || offset < cursor.next
                    {
                        continue;
                    }
                    let time_ms = message
                        .timestamp()
                        .to_millis()
                        .map_or(0, clients::offset_of);
                    let payload = message.payload().unwrap_or_default().to_vec();
                    if offset == cursor.next + 1 {
                        cursor.ahead = Some((time_ms, payload));
                        return Ok(self.mark(cursor));
                    }
                    if offset > cursor.next {
                        return Err(KafkaError::Hole {
                            topic: self.topic.clone(),
                            partition: cursor.partition,
                            last: cursor.next.checked_sub(1),
                            found: offset,
                        });
                    }
                    return Ok((time_ms, payload));
                }
                // There is one more record that readers are not shown, unless this reports an
                // earlier end; so the end is asked for once more.
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(partition)))
                    if partition == clients::native(cursor.partition)
                        && cursor.next + 1 == cursor.end =>
                {
                    if is_asked_again {
                        return Ok(self.mark(cursor));
                    }
                    is_asked_again = true;
                    self.assign(client, cursor.partition, cursor.next)?;
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => last_error = Some(error),
            }
        }
        let source = last_error.unwrap_or(rdkafka::error::KafkaError::NoMessageReceived);
        Err(broker_error(&self.settings, "read")(source))
    }
}

impl KafkaReader {
    /// The empty record in the place of a transaction's mark, as every reader sees it.
    fn mark(&self, cursor: &Cursor) -> (LogTimeMs, Vec<u8>) {
        self.settings.foreign.note(ForeignRecord {
            topic: self.topic.clone(),
            partition: cursor.partition,
            offset: cursor.next,
            why: MARK_WHY.to_owned(),
        });
        (MARK_TIME_MS, Vec::new())
    }
}

impl LogReader for KafkaReader {
    fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), LogError> {
        self.check(partition)?;
        Ok(self.watermarks(partition)?)
    }

    fn read(
        &mut self,
        partition: PartitionId,
        from: Offset,
        bytes_max: usize,
        into: &mut EntryBatch,
    ) -> Result<(), LogError> {
        into.clear();
        self.check(partition)?;
        let mut cursor = self.cursor(partition, from)?;
        while cursor.next < cursor.end {
            let (time_ms, payload) = match cursor.held.take() {
                Some(held) => held,
                None => self.next(&mut cursor)?,
            };
            if !into.is_empty() && into.size_bytes() + payload.len() > bytes_max {
                cursor.held = Some((time_ms, payload));
                break;
            }
            into.push(cursor.next, time_ms, &payload);
            cursor.next += 1;
        }
        self.at = Some(cursor);
        Ok(())
    }
}

impl std::fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaReader")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
