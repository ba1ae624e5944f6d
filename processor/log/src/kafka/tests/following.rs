//! Following commands.

use std::collections::BTreeMap;
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::super::{CommandConsumer, KafkaError, KafkaReader, KafkaWriter, LogEvent, clients};
use super::support::{P0, P1, TestTopics, until};
use crate::storage::{AppendRecord, EntryBatch, LogReader as _, LogWriter as _};

const WAIT: Duration = Duration::from_millis(100);
/// Without waiting for the client in between, librdkafka aborted within a few hundred of them.
const ASSIGNMENTS: usize = 5_000;
const CLOSINGS: usize = 50;
const ROUNDS: usize = 100;
/// The more partitions, the longer their stops take, and the sooner a closing meets one: without the
/// wait for the client, 120 closings aborted in two of three runs. The long form (`ONSALE_SOAK=1`)
/// takes a minute.
const MANY: u16 = 128;
const CLOSINGS_OF_MANY: usize = 120;
const CLOSINGS_OF_MANY_LONG: usize = 600;

fn append(writer: &mut KafkaWriter, partition: PartitionId, payloads: &[&[u8]]) {
    let records: Vec<_> = payloads
        .iter()
        .map(|payload| AppendRecord { partition, payload })
        .collect();
    writer.append(&records, 0, &mut Vec::new()).unwrap();
}

/// What a consumer has reported.
#[derive(Default)]
struct Events {
    payloads: BTreeMap<PartitionId, Vec<Vec<u8>>>,
    ends: BTreeMap<PartitionId, Offset>,
}

impl Events {
    fn poll(&mut self, consumer: &mut CommandConsumer) -> Result<usize, KafkaError> {
        consumer.poll(WAIT, |event| match event {
            LogEvent::Entry { partition, entry } => {
                let payloads = self.payloads.entry(partition).or_default();
                payloads.push(entry.payload.to_vec());
            }
            LogEvent::End {
                partition,
                next_offset,
            } => {
                self.ends.insert(partition, next_offset);
            }
            LogEvent::Lost => panic!("the broker was there all the time"),
        })
    }

    fn count(&self, partition: PartitionId) -> usize {
        self.payloads.get(&partition).map_or(0, Vec::len)
    }
}

#[test]
fn partitions_are_followed_from_where_they_are_assigned_and_their_ends_are_reported() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let mut writer = KafkaWriter::new(&topics.settings).unwrap();
    append(&mut writer, P0, &[b"a", b"b", b"c"]);
    let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
    consumer.assign(&[(P0, 1), (P1, 0)]).unwrap();
    let mut events = Events::default();
    until("both ends", || {
        events.poll(&mut consumer).unwrap();
        events.ends == BTreeMap::from([(P0, 3), (P1, 0)])
    });
    assert_eq!(events.payloads[&P0], [b"b", b"c"]);
    append(&mut writer, P1, &[b"x"]);
    until("the new end", || {
        events.poll(&mut consumer).unwrap();
        events.ends[&P1] == 1
    });
    assert_eq!(events.payloads[&P1], [b"x"]);
    // Assigning again begins again.
    consumer.assign(&[(P0, 0)]).unwrap();
    let mut events = Events::default();
    until("the end", || {
        events.poll(&mut consumer).unwrap();
        events.ends == BTreeMap::from([(P0, 3)])
    });
    assert_eq!(events.payloads[&P0], [b"a", b"b", b"c"]);
    assert_eq!(consumer.bounds(P0).unwrap(), (0, 3));
}

#[test]
fn assigning_again_and_again_ends_no_process() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let mut writer = KafkaWriter::new(&topics.settings).unwrap();
    append(&mut writer, P0, &[b"a"]);
    append(&mut writer, P1, &[b"b"]);
    let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
    for _ in 0..ASSIGNMENTS {
        consumer.assign(&[(P0, 0), (P1, 0)]).unwrap();
    }
    let mut events = Events::default();
    until("both ends", || {
        events.poll(&mut consumer).unwrap();
        events.ends == BTreeMap::from([(P0, 1), (P1, 1)])
    });
    assert_eq!(events.count(P0) + events.count(P1), 2);
    // Closed in the same way: while what it read is being stopped.
    for _ in 0..CLOSINGS {
        let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
        consumer.assign(&[(P0, 0), (P1, 0)]).unwrap();
        consumer.assign(&[(P0, 1), (P1, 1)]).unwrap();
    }
}

#[test]
fn closing_a_consumer_of_many_partitions_ends_no_process() {
    let Some(topics) = TestTopics::make(MANY) else {
        return;
    };
    let all = |offset: Offset| -> Vec<_> {
        let partitions = (0..MANY).map(PartitionId);
        partitions.map(|partition| (partition, offset)).collect()
    };
    let is_long = std::env::var("ONSALE_SOAK").is_ok_and(|value| value == "1");
    let closings = if is_long {
        CLOSINGS_OF_MANY_LONG
    } else {
        CLOSINGS_OF_MANY
    };
    for _ in 0..closings {
        let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
        consumer.assign(&all(0)).unwrap();
        consumer.assign(&all(0)).unwrap();
    }
}

#[test]
fn partitions_that_pause_and_resume_at_once_all_go_on() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let mut writer = KafkaWriter::new(&topics.settings).unwrap();
    let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
    consumer.assign(&[(P0, 0), (P1, 0)]).unwrap();
    let mut events = Events::default();
    for count in 1..=ROUNDS {
        consumer.pause(P0).unwrap();
        consumer.pause(P1).unwrap();
        append(&mut writer, P0, &[b"0"]);
        append(&mut writer, P1, &[b"1"]);
        consumer.resume(P0).unwrap();
        consumer.resume(P1).unwrap();
        until("both", || {
            events.poll(&mut consumer).unwrap();
            events.count(P0) == count && events.count(P1) == count
        });
    }
}

#[test]
fn a_paused_partition_waits_and_goes_on_without_losing_anything() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let mut writer = KafkaWriter::new(&topics.settings).unwrap();
    let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
    consumer.assign(&[(P0, 0), (P1, 0)]).unwrap();
    let mut events = Events::default();
    append(&mut writer, P0, &[b"0"]);
    until("the first", || {
        events.poll(&mut consumer).unwrap();
        events.count(P0) == 1
    });
    consumer.pause(P0).unwrap();
    let numbers: Vec<String> = (1..200).map(|i| i.to_string()).collect();
    let payloads: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
    append(&mut writer, P0, &payloads);
    append(&mut writer, P1, &payloads);
    until("the other partition", || {
        events.poll(&mut consumer).unwrap();
        events.count(P1) == 199
    });
    assert_eq!(events.count(P0), 1);
    consumer.resume(P0).unwrap();
    until("the rest", || {
        events.poll(&mut consumer).unwrap();
        events.count(P0) == 200
    });
    let expected: Vec<Vec<u8>> = (0..200).map(|i| i.to_string().into_bytes()).collect();
    assert_eq!(events.payloads[&P0], expected);
    assert_eq!(events.payloads[&P1], expected[1..]);
    // Nothing stays paused across an assignment.
    consumer.pause(P0).unwrap();
    consumer.assign(&[(P0, 0)]).unwrap();
    let mut events = Events::default();
    until("everything again", || {
        events.poll(&mut consumer).unwrap();
        events.count(P0) == 200
    });
}

#[test]
fn an_offset_that_is_not_there_is_an_error_and_no_silence() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let mut writer = KafkaWriter::new(&topics.settings).unwrap();
    append(&mut writer, P0, &[b"a"]);
    let mut consumer = CommandConsumer::new(&topics.settings).unwrap();
    consumer.assign(&[(P0, 7)]).unwrap();
    let mut error = None;
    until("an error", || {
        error = consumer.poll(WAIT, |_| ()).err();
        error.is_some()
    });
    assert!(
        matches!(
            error,
            Some(KafkaError::OffsetGone {
                asked: 7,
                first: 0,
                next: 1,
                ..
            })
        ),
        "{error:?}"
    );
}

/// A transaction leaves a mark in the log, which takes an offset and is never shown: every reader
/// gets an empty record there, even at the very end.
#[test]
fn the_mark_of_a_transaction_is_an_empty_record_to_every_reader() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    let producer: BaseProducer = clients::admin_config(settings)
        .set("transactional.id", &settings.topic_prefix)
        .create()
        .unwrap();
    let timeout = Duration::from_secs(30);
    producer.init_transactions(timeout).unwrap();
    producer.begin_transaction().unwrap();
    let topic = settings.commands_topic();
    let record: BaseRecord<'_, [u8], [u8]> =
        BaseRecord::to(&topic).partition(0).payload(&b"first"[..]);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.commit_transaction(timeout).unwrap();

    let mut reader = KafkaReader::new(settings).unwrap();
    // The broker writes it after it has confirmed the commit of the transaction.
    until("the mark", || reader.bounds(P0).unwrap() == (0, 2));
    let mut batch = EntryBatch::default();
    reader.read(P0, 0, usize::MAX, &mut batch).unwrap();
    let read: Vec<_> = batch.iter().map(|entry| entry.payload.to_vec()).collect();
    assert_eq!(read, [b"first".to_vec(), Vec::new()]);

    append(
        &mut KafkaWriter::new(settings).unwrap(),
        P0,
        &[b"after the mark"],
    );
    let mut consumer = CommandConsumer::new(settings).unwrap();
    consumer.assign(&[(P0, 0)]).unwrap();
    let mut seen = Vec::new();
    until("the record after the mark", || {
        consumer
            .poll(WAIT, |event| {
                if let LogEvent::Entry { entry, .. } = event {
                    seen.push((entry.offset, entry.log_time_ms, entry.payload.to_vec()));
                }
            })
            .unwrap();
        seen.len() >= 3
    });
    reader.read(P0, 0, usize::MAX, &mut batch).unwrap();
    let read: Vec<_> = batch
        .iter()
        .map(|entry| (entry.offset, entry.log_time_ms, entry.payload.to_vec()))
        .collect();
    assert_eq!(read, seen);
    assert_eq!((seen[1].0, seen[1].1, seen[1].2.len()), (1, 0, 0));
    assert_eq!(settings.foreign.counts()[&topic], 1);
}
