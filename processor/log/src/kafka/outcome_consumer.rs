//! Following the outcomes of several partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_schemas::{LogTimeMs, Offset, PartitionId, RequestId, codec};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::clients::{self, REQUEST_TIMEOUT, broker_error};
use super::tail::{Record, Tail, TailEvent};
use super::{KafkaError, KafkaSettings};

/// Longest wait of one look for the newest record.
const NEWEST_WAIT: Duration = Duration::from_millis(100);

/// Where to begin with the outcomes of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeStart {
    /// With what is published from now on.
    End,
    /// With the highest outcome there is, if there is one, or shortly before it. The newest record
    /// need not be the highest outcome: it may be a repeat by a publisher that is gone. But times
    /// never fall along the chain, so the highest one is not before the first record that has the
    /// newest one's time.
    Last,
    /// With the first outcome whose command has this log time or a later one.
    AtTime(LogTimeMs),
    /// With the oldest one kept.
    Beginning,
}

/// An outcome as it stands in the topic. It may have been told before: two owners at once publish
/// the same outcomes twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishedOutcome<'a> {
    /// Offset of the command.
    pub offset: Offset,
    /// Offset of the command that yielded the outcome before this one.
    pub previous: Option<Offset>,
    /// Log time of the command.
    pub log_time_ms: LogTimeMs,
    /// Who waits for it.
    pub request_id: Option<RequestId>,
    /// Digest of the machine after the command.
    pub digest: u64,
    /// The encoded [`onsale_schemas::OutcomeRecord`].
    pub payload: &'a [u8],
}

/// What an [`OutcomeConsumer`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeEvent<'a> {
    /// The next outcome in the topic.
    Seen {
        /// Its partition.
        partition: PartitionId,
        /// The outcome.
        outcome: PublishedOutcome<'a>,
    },
    /// The end of a partition was reached. Told each time the end is reached, and again after
    /// [`OutcomeEvent::Lost`].
    End {
        /// The partition.
        partition: PartitionId,
    },
    /// The connection to the brokers was lost. Told once per loss.
    Lost,
}

/// Reads outcomes of the partitions it is given, each in the order of the topic. Belongs on a
/// thread of its own.
#[derive(Debug)]
pub struct OutcomeConsumer {
    tail: Tail,
}

impl OutcomeConsumer {
    /// A consumer of the outcomes topic that reads nothing yet.
    ///
    /// # Errors
    /// When the settings make no client.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            tail: Tail::new(settings, settings.outcomes_topic())?,
        })
    }

    /// Reads these partitions instead of what it read before. Asks the brokers where the starts
    /// are, so it blocks for a round trip or two per partition.
    ///
    /// # Errors
    /// [`KafkaError::Broker`] when the brokers do not answer; it reads what it read before then.
    pub fn assign(&mut self, from: &[(PartitionId, OutcomeStart)]) -> Result<(), KafkaError> {
        let newest = self.newest_times(from)?;
        let mut places = Vec::with_capacity(from.len());
        for &(partition, start) in from {
            let start = match (start, newest.get(&partition)) {
                (OutcomeStart::Last, Some(time_ms)) => OutcomeStart::AtTime(*time_ms),
                (OutcomeStart::Last, None) => OutcomeStart::Beginning,
                (other, _) => other,
            };
            places.push((partition, self.position(partition, start)?));
        }
        self.tail.assign(places.into_iter())
    }

    /// The time of the newest record of each partition that is to begin with the last outcome.
    fn newest_times(
        &mut self,
        from: &[(PartitionId, OutcomeStart)],
    ) -> Result<BTreeMap<PartitionId, LogTimeMs>, KafkaError> {
        let mut newest = Vec::new();
        for &(partition, start) in from {
            let (first, next) = match start {
                OutcomeStart::Last => self.tail.watermarks(partition)?,
                _ => continue,
            };
            if next > first {
                newest.push((partition, next - 1));
            }
        }
        let mut times = BTreeMap::new();
        if newest.is_empty() {
            return Ok(times);
        }
        let wanted = newest.len();
        self.tail.assign(newest.into_iter())?;
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        while times.len() < wanted {
            if Instant::now() > deadline {
                let missing = ClientError::MessageConsumption(RDKafkaErrorCode::RequestTimedOut);
                return Err(broker_error(
                    self.tail.settings(),
                    "read the newest outcomes",
                )(missing));
            }
            self.tail.poll(NEWEST_WAIT, |event| {
                if let TailEvent::Record(record) = event {
                    times.insert(record.partition, record.time_ms);
                }
                Ok(())
            })?;
        }
        Ok(times)
    }

    fn position(&self, partition: PartitionId, start: OutcomeStart) -> Result<u64, KafkaError> {
        let (first, next) = self.tail.watermarks(partition)?;
        Ok(match start {
            OutcomeStart::Beginning | OutcomeStart::Last => first,
            OutcomeStart::End => next,
            // Where nothing is as late, what comes next is; asked first, so none is missed.
            OutcomeStart::AtTime(time_ms) => self.position_at(partition, time_ms)?.unwrap_or(next),
        })
    }

    fn position_at(
        &self,
        partition: PartitionId,
        time_ms: LogTimeMs,
    ) -> Result<Option<u64>, KafkaError> {
        let tail = &self.tail;
        let native = clients::native(partition);
        let time = rdkafka::Offset::Offset(clients::native_offset(time_ms));
        let found = clients::patiently(tail.settings(), "ask for an offset by time", || {
            let mut times = TopicPartitionList::with_capacity(1);
            times.add_partition_offset(tail.topic(), native, time)?;
            let found = tail.consumer().offsets_for_times(times, REQUEST_TIMEOUT)?;
            let found = found.find_partition(tail.topic(), native);
            found.map_or(Ok(None), |found| {
                found.error().map(|()| Some(found.offset()))
            })
        })?;
        Ok(match found {
            Some(rdkafka::Offset::Offset(offset)) => Some(clients::offset_of(offset)),
            _ => None,
        })
    }

    /// Waits at most `wait` for the first event, then tells everything that is there (bounded) and
    /// returns how many events that were. Lost connections are mended by themselves.
    ///
    /// # Errors
    /// [`KafkaError::Foreign`], [`KafkaError::Hole`], [`KafkaError::OffsetGone`],
    /// [`KafkaError::Fatal`]: reading cannot go on without somebody deciding something.
    pub fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(OutcomeEvent<'_>),
    ) -> Result<usize, KafkaError> {
        let topic = self.tail.topic().to_owned();
        self.tail.poll(wait, |event| {
            tell(match event {
                TailEvent::Record(record) => OutcomeEvent::Seen {
                    partition: record.partition,
                    outcome: outcome_of(&record, &topic)?,
                },
                TailEvent::End { partition, .. } => OutcomeEvent::End { partition },
                TailEvent::Lost => OutcomeEvent::Lost,
            });
            Ok(())
        })
    }
}

fn outcome_of<'a>(record: &Record<'a>, topic: &str) -> Result<PublishedOutcome<'a>, KafkaError> {
    let foreign = |what: String| KafkaError::Foreign {
        topic: topic.to_owned(),
        partition: record.partition,
        position: record.position,
        what,
    };
    let digest = <[u8; 8]>::try_from(record.key)
        .map_err(|_| foreign(format!("a key of {} bytes is no digest", record.key.len())))?;
    let head = codec::decode_outcome_head(record.payload)
        .map_err(|error| foreign(format!("no outcome: {error}")))?;
    Ok(PublishedOutcome {
        offset: head.offset,
        previous: head.previous,
        log_time_ms: head.log_time_ms,
        request_id: head.request_id,
        digest: u64::from_le_bytes(digest),
        payload: record.payload,
    })
}
