//! Following the outcomes of several partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_schemas::{LogTimeMs, Offset, PartitionId, RequestId, codec};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::clients::{self, REQUEST_TIMEOUT, broker_error};
use super::tail::{Holes, Record, Tail, TailEvent};
use super::{ForeignRecord, KafkaError, KafkaSettings, foreign};
use crate::chain::{ChainEnd, EndFinder};

/// What it is called in reports.
const NAME: &str = "outcomes consumer";
/// Longest wait of one attempt to find the end of the chain.
const END_WAIT: Duration = Duration::from_millis(100);
/// Records before the end of the topic in which the end of the chain is searched; multiplied by
/// this number where none of them is an outcome.
const END_RECORDS: u64 = 64;
const END_RECORDS_GROWTH: u64 = 16;
/// Longest wait for the end of the commands, where nothing depends on it.
const COMMANDS_END_WAIT: Duration = Duration::from_secs(1);
/// An outcome this many records beyond the last known end of the log is believed only after asking
/// for that end again. Asking for each one would cost every reader of a busy partition a round trip
/// and would find no more: up to the end of the log even a foreign outcome has some command.
const BEYOND_UNCHECKED_MAX: u64 = 1 << 12;

/// Where to start reading the outcomes of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeStart {
    /// At what is published from now on.
    End,
    /// At the highest outcome, if there is one, or shortly before it. The newest record need not be
    /// the highest outcome: it may be a repeat by a publisher that is gone, or foreign. But times
    /// never fall along the chain, so the highest one is not before the first record that has the
    /// time of any other one.
    Last,
    /// At the first outcome whose command has this log time or a later one.
    AtTime(LogTimeMs),
    /// With the oldest one kept.
    Beginning,
}

/// The header of an outcome that says who asked for it.
pub(super) const ASKER_HEADER: &str = "asker";

/// An outcome as it is in the topic. It may have been reported before: two owners at once publish
/// the same outcomes twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishedOutcome<'a> {
    /// Its place in the topic.
    pub position: u64,
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
    /// Who asked for it, see [`onsale_schemas::Asker::from_bytes`]; nodes of earlier versions do not say.
    pub asker: Option<&'a [u8]>,
}

/// An event of an [`OutcomeConsumer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeEvent<'a> {
    /// The next outcome in the topic.
    Seen {
        /// Its partition.
        partition: PartitionId,
        /// The outcome.
        outcome: PublishedOutcome<'a>,
    },
    /// The end of a partition was reached. Reported each time the end is reached, and again after
    /// [`OutcomeEvent::Lost`].
    End {
        /// The partition.
        partition: PartitionId,
    },
    /// The connection to the brokers was lost. Reported once per loss.
    Lost,
}

/// Where the chain of each partition ends, if it has any outcome.
pub type ChainEnds = BTreeMap<PartitionId, ChainEnd>;

/// Reads outcomes of its partitions, each in the order of the topic. Records that are not outcomes
/// are skipped and reported to [`KafkaSettings::foreign`]. Belongs on a thread of its own.
#[derive(Debug)]
pub struct OutcomeConsumer {
    tail: Tail,
    commands: String,
    /// Commands before these offsets are known to exist.
    commands_ends: BTreeMap<PartitionId, Offset>,
}

/// A stretch of the topic in which the end of a chain is searched.
struct Stretch {
    from: u64,
    next: u64,
    finder: EndFinder,
    /// Outcomes whose commands do not exist.
    beyond: EndFinder,
}

impl OutcomeConsumer {
    /// A consumer of the outcomes topic that reads nothing yet.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            // The chain shows what is missing.
            tail: Tail::new(settings, NAME, settings.outcomes_topic(), Holes::Skipped)?,
            commands: settings.commands_topic(),
            commands_ends: BTreeMap::new(),
        })
    }

    /// Reads these partitions instead of what it read before, and returns where the chains end of
    /// those that start at the last outcome. Asks the brokers for the starting points, so it blocks
    /// for a few round trips.
    ///
    /// # Errors
    /// [`KafkaError::Broker`] when the brokers do not answer, [`KafkaError::SetBack`] when the
    /// commands end before the outcomes.
    pub fn assign(
        &mut self,
        from: &[(PartitionId, OutcomeStart)],
    ) -> Result<ChainEnds, KafkaError> {
        let of_last = from
            .iter()
            .filter(|(_, start)| *start == OutcomeStart::Last);
        let of_last: Vec<PartitionId> = of_last.map(|(partition, _)| *partition).collect();
        let ends = self.chain_ends(&of_last)?;
        let mut places = Vec::with_capacity(from.len());
        for &(partition, start) in from {
            let start = match (start, ends.get(&partition)) {
                (OutcomeStart::Last, Some(end)) => OutcomeStart::AtTime(end.log_time_ms),
                // Nothing there is an outcome; what is still to come may be.
                (OutcomeStart::Last, None) => OutcomeStart::Beginning,
                (other, _) => other,
            };
            places.push((partition, self.position(partition, start)?));
        }
        self.tail.assign(places.into_iter())?;
        Ok(ends)
    }

    /// Where the chains of these partitions end. Stops reading what was read before. Blocks, as
    /// [`OutcomeConsumer::assign`].
    ///
    /// # Errors
    /// As [`OutcomeConsumer::assign`].
    pub fn ends(&mut self, partitions: &[PartitionId]) -> Result<ChainEnds, KafkaError> {
        self.chain_ends(partitions)
    }

    /// Searches for the ends of chains, further and further back where the end of the topic is
    /// foreign.
    fn chain_ends(&mut self, partitions: &[PartitionId]) -> Result<ChainEnds, KafkaError> {
        let mut ends = ChainEnds::new();
        let mut wanted = partitions.to_vec();
        let mut records = END_RECORDS;
        while !wanted.is_empty() {
            let mut stretches = BTreeMap::new();
            for &partition in &wanted {
                let (first, next) = self.tail.watermarks(partition)?;
                // Asked afterwards, so that every outcome before it has its command there.
                self.ask_for_commands_end(partition)?;
                let stretch = Stretch {
                    from: next.saturating_sub(records).max(first),
                    next,
                    finder: EndFinder::default(),
                    beyond: EndFinder::default(),
                };
                stretches.insert(partition, (first, stretch));
            }
            self.read_stretches(&mut stretches)?;
            wanted.clear();
            for (partition, (first, stretch)) in stretches {
                let is_all = stretch.from == first;
                match (stretch.finder.end(), stretch.beyond.end()) {
                    // One alone may be foreign.
                    (Some(end), _) if end.is_linked => drop(ends.insert(partition, end)),
                    // These are not foreign records: the commands topic is another one.
                    (_, Some(beyond)) if beyond.is_linked => {
                        return Err(KafkaError::SetBack {
                            commands: self.commands.clone(),
                            partition,
                            outcome: beyond.offset,
                            end: self.commands_ends.get(&partition).copied().unwrap_or(0),
                        });
                    }
                    (Some(end), _) if is_all => drop(ends.insert(partition, end)),
                    _ if is_all => {}
                    _ => wanted.push(partition),
                }
            }
            records = records.saturating_mul(END_RECORDS_GROWTH);
        }
        Ok(ends)
    }

    fn read_stretches(
        &mut self,
        stretches: &mut BTreeMap<PartitionId, (u64, Stretch)>,
    ) -> Result<(), KafkaError> {
        let mut open: Vec<PartitionId> = Vec::new();
        let mut places = Vec::new();
        for (partition, (_, stretch)) in stretches.iter() {
            if stretch.next > stretch.from {
                open.push(*partition);
                places.push((*partition, stretch.from));
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        self.tail.assign(places.into_iter())?;
        let Self {
            tail,
            commands_ends,
            ..
        } = self;
        let settings = tail.settings().clone();
        let topic = tail.topic().to_owned();
        let mut deadline = Instant::now() + REQUEST_TIMEOUT;
        while !open.is_empty() {
            if Instant::now() > deadline {
                let missing = ClientError::MessageConsumption(RDKafkaErrorCode::RequestTimedOut);
                return Err(broker_error(&settings, "read the newest outcomes")(missing));
            }
            let polled = tail.poll(END_WAIT, |event| {
                match event {
                    TailEvent::Record(record) => {
                        let Some((_, stretch)) = stretches.get_mut(&record.partition) else {
                            return Ok(());
                        };
                        if record.position + 1 >= stretch.next {
                            open.retain(|partition| *partition != record.partition);
                        }
                        // A later outcome may have a later command, too.
                        if record.position >= stretch.next {
                            return Ok(());
                        }
                        let end = commands_ends.get(&record.partition).copied();
                        match outcome_of(&record) {
                            Ok(outcome) => {
                                let finder = if Some(outcome.offset) < end {
                                    &mut stretch.finder
                                } else {
                                    &mut stretch.beyond
                                };
                                let (offset, previous) = (outcome.offset, outcome.previous);
                                finder.take(offset, previous, outcome.log_time_ms);
                            }
                            Err(why) => settings.foreign.note(foreign_at(&record, &topic, why)),
                        }
                    }
                    TailEvent::End { partition, .. } => open.retain(|other| *other != partition),
                    TailEvent::Lost => {}
                }
                Ok(())
            })?;
            if polled > 0 {
                deadline = Instant::now() + REQUEST_TIMEOUT;
            }
        }
        Ok(())
    }

    /// Where the commands of a partition end; `None` when no broker answers at once. Blocks for a
    /// round trip.
    pub fn commands_end(&self, partition: PartitionId) -> Option<Offset> {
        let native = clients::native(partition);
        let consumer = self.tail.consumer();
        let bounds = consumer.fetch_watermarks(&self.commands, native, COMMANDS_END_WAIT);
        bounds.ok().map(|(_, end)| clients::offset_of(end))
    }

    fn ask_for_commands_end(&mut self, partition: PartitionId) -> Result<Offset, KafkaError> {
        let (settings, consumer) = (self.tail.settings(), self.tail.consumer());
        let (_, end) = clients::watermarks(settings, consumer, &self.commands, partition)?;
        self.commands_ends.insert(partition, end);
        Ok(end)
    }

    fn position(&self, partition: PartitionId, start: OutcomeStart) -> Result<u64, KafkaError> {
        let (first, next) = self.tail.watermarks(partition)?;
        Ok(match start {
            OutcomeStart::Beginning | OutcomeStart::Last => first,
            OutcomeStart::End => next,
            // If nothing is that late, the next record is; asked first, so that none is missed.
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

    /// Waits at most `wait` for the first event, then reports everything that is there (bounded)
    /// and returns the number of events. Lost connections are restored automatically.
    ///
    /// # Errors
    /// [`KafkaError::OffsetGone`], [`KafkaError::Fatal`]: reading cannot continue without an
    /// operator's decision.
    pub fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(OutcomeEvent<'_>),
    ) -> Result<usize, KafkaError> {
        let Self {
            tail,
            commands,
            commands_ends,
        } = self;
        let settings = tail.settings().clone();
        let topic = tail.topic().to_owned();
        tail.poll_with(wait, |consumer, event| {
            match event {
                TailEvent::Record(record) => {
                    let (partition, known) = (record.partition, &mut *commands_ends);
                    let checked = outcome_of(&record).and_then(|outcome| {
                        let end = || {
                            let end = clients::watermarks(&settings, consumer, commands, partition);
                            end.ok().map(|(_, end)| end)
                        };
                        has_command(outcome.offset, known.entry(partition).or_default(), end)?;
                        Ok(outcome)
                    });
                    match checked {
                        Ok(outcome) => tell(OutcomeEvent::Seen { partition, outcome }),
                        Err(why) => settings.foreign.note(foreign_at(&record, &topic, why)),
                    }
                }
                TailEvent::End { partition, .. } => tell(OutcomeEvent::End { partition }),
                TailEvent::Lost => tell(OutcomeEvent::Lost),
            }
            Ok(())
        })
    }

    /// Reports that the record at `position` is not part of the chain, or does not decode
    /// completely.
    pub fn note_foreign(&self, partition: PartitionId, position: u64, why: String) {
        self.tail.settings().foreign.note(ForeignRecord {
            topic: self.tail.topic().to_owned(),
            partition,
            offset: position,
            why,
        });
    }
}

/// Reports why an outcome is not part of the chain.
pub fn not_in_chain(offset: Offset, expected: Option<Offset>, got: Option<Offset>) -> String {
    let named = |offset: Option<Offset>| match offset {
        Some(offset) => format!("offset {offset}"),
        None => "none".to_owned(),
    };
    format!(
        "an outcome of offset {offset} that follows {}, where the last one is {}",
        named(got),
        named(expected)
    )
}

/// Whether the command of an outcome can be in the log. Commands before `known` exist, as the log
/// has said. Outcomes are no evidence, otherwise a few of them could lead arbitrarily far.
fn has_command(
    offset: Offset,
    known: &mut Offset,
    end: impl FnOnce() -> Option<Offset>,
) -> Result<(), String> {
    if offset < known.saturating_add(BEYOND_UNCHECKED_MAX) {
        return Ok(());
    }
    // A broker that does not answer now disproves nothing.
    let Some(end) = end() else { return Ok(()) };
    *known = (*known).max(end);
    if offset >= end {
        return Err(format!(
            "an outcome of offset {offset}, but the commands end at {end}"
        ));
    }
    Ok(())
}

fn foreign_at(record: &Record<'_>, topic: &str, why: String) -> ForeignRecord {
    ForeignRecord {
        topic: topic.to_owned(),
        partition: record.partition,
        offset: record.position,
        why,
    }
}

/// The outcome in a record, as far as its head shows, or why it is none.
fn outcome_of<'a>(record: &Record<'a>) -> Result<PublishedOutcome<'a>, String> {
    let head = codec::decode_outcome_head(record.payload)
        .map_err(|error| foreign::why(record.payload, format!("no outcome: {error}")))?;
    let digest = <[u8; 8]>::try_from(record.key)
        .map_err(|_| format!("a key of {} bytes is not a digest", record.key.len()))?;
    Ok(PublishedOutcome {
        position: record.position,
        offset: head.offset,
        previous: head.previous,
        log_time_ms: head.log_time_ms,
        request_id: head.request_id,
        digest: u64::from_le_bytes(digest),
        payload: record.payload,
        asker: record.asker,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_whose_command_is_not_there_yet_is_foreign() {
        let mut known = 10;
        assert_eq!(has_command(500, &mut known, || unreachable!()), Ok(()));
        let far = 600 + BEYOND_UNCHECKED_MAX;
        assert!(has_command(far, &mut known, || Some(400)).is_err());
        assert_eq!(known, 400);
        assert!(has_command(u64::MAX, &mut known, || Some(far)).is_err());
        assert_eq!(known, far);
        let further = far + BEYOND_UNCHECKED_MAX;
        assert_eq!(has_command(further, &mut known, || None), Ok(()));
        // An idle partition that has advanced far by its ticks.
        let end = further + 1;
        assert_eq!(has_command(further, &mut known, || Some(end)), Ok(()));
        assert_eq!(known, end);
    }

    #[test]
    fn outcomes_that_were_believed_do_not_lead_beyond_the_log() {
        const END: Offset = 100;
        let mut known = 0;
        let step = BEYOND_UNCHECKED_MAX - 1;
        let believed: Vec<Offset> = (1..1_000)
            .map(|n| n * step)
            .filter(|&offset| has_command(offset, &mut known, || Some(END)).is_ok())
            .collect();
        assert_eq!(believed, [step]);
        assert_eq!(known, END);
    }
}
