//! Clients that an answer about metadata has robbed of all their brokers, which librdkafka does not
//! recover from (confluentinc/librdkafka#5301).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use onsale_schemas::Offset;

use super::super::{
    BrokerContact, CommandConsumer, CommandProducer, CommandProducerOptions, Delivered,
    KafkaReader, KafkaSettings, KafkaWriter, LogEvent, NodesConsumer, NodesPublisher,
    OutcomePublisher, SendError,
};
use super::proxy::Proxy;
use super::support::{P0, TestTopics, outcome, publish, until};
use crate::{AppendRecord, EntryBatch, LogReader as _, LogWriter as _};

const WAIT: Duration = Duration::from_millis(50);
/// How often clients ask for metadata, in milliseconds; by default that is every five minutes.
const ASKED_EVERY_MS: &str = "100";
/// Not every loss makes a client deaf: that is a race between its threads.
const ROUNDS: usize = 60;
/// Answers without brokers in a round. A client asks for its metadata about ten times a second.
const HIDDEN: u64 = 10;

/// Commands of a round through the producer that falls idle.
const SENT_MEANWHILE: u32 = 10;

/// Topics on a broker that is reached through a proxy.
struct BehindProxy {
    proxy: Proxy,
    settings: KafkaSettings,
    _topics: TestTopics,
}

impl BehindProxy {
    fn start() -> Option<Self> {
        let topics = TestTopics::make(1)?;
        let proxy = Proxy::to(&topics.settings.brokers);
        let mut settings = topics.settings.clone();
        settings.brokers = proxy.address();
        let every = ASKED_EVERY_MS.to_owned();
        let properties = &mut settings.properties;
        properties.insert("topic.metadata.refresh.interval.ms".to_owned(), every);
        Some(Self {
            proxy,
            settings,
            _topics: topics,
        })
    }

    /// Has the clients lose their brokers, doing `step` over and over meanwhile. A deaf client asks
    /// no more, so this is over when `step` says so, too.
    fn lose_brokers(&self, mut step: impl FnMut() -> bool) {
        let before = self.proxy.hidden();
        self.proxy.hide_brokers(true);
        until("answers without brokers", || {
            step() || self.proxy.hidden() >= before + HIDDEN
        });
        self.proxy.hide_brokers(false);
    }

    /// A writer that has lost nothing.
    fn append(&self, payload: &[u8]) {
        let record = AppendRecord {
            partition: P0,
            payload,
        };
        let mut writer = KafkaWriter::new(&self.settings).unwrap();
        writer.append(&[record], 0, &mut Vec::new()).unwrap();
    }
}

fn replacements(contact: &BrokerContact, client: &str) -> u64 {
    contact.replacements().get(client).copied().unwrap_or(0)
}

#[test]
fn a_deaf_consumer_is_replaced_and_reads_on_where_it_was() {
    let Some(behind) = BehindProxy::start() else {
        return;
    };
    let contact = &behind.settings.contact;
    let mut consumer = CommandConsumer::new(&behind.settings).unwrap();
    consumer.assign(&[(P0, 0)]).unwrap();
    let mut nodes = NodesConsumer::new(&behind.settings).unwrap();
    let (mut read, mut losses) = (Vec::new(), 0);
    let mut step = |wanted: u64| {
        let polled = consumer.poll(WAIT, |event| match event {
            LogEvent::Entry { entry, .. } => {
                read.push((entry.offset, entry.payload.to_vec()));
            }
            LogEvent::Lost => losses += 1,
            LogEvent::End { .. } => {}
        });
        polled.unwrap();
        read.len() as u64 >= wanted
    };
    let mut written = 0;
    for _ in 0..ROUNDS {
        if replacements(contact, "commands consumer") > 0 {
            break;
        }
        behind.append(&written.to_string().into_bytes());
        written += 1;
        until("the record", || step(written));
        behind.lose_brokers(|| {
            step(0);
            false
        });
        behind.append(&written.to_string().into_bytes());
        written += 1;
        until("the record after the loss", || step(written));
    }
    assert!(replacements(contact, "commands consumer") > 0);
    assert!(losses > 0);
    let expected: Vec<_> = (0..written)
        .map(|number| (number, number.to_string().into_bytes()))
        .collect();
    assert_eq!(read, expected);
    // What became deaf beside it, without anybody who polled it.
    let node = NodesPublisher::new(&behind.settings).unwrap();
    node.publish("one", b"{}");
    let mut heard = false;
    until("the status", || {
        nodes
            .poll(WAIT, |record| heard |= record.node == "one")
            .unwrap();
        heard
    });
    until("the end of the silence", || contact.silent().is_empty());
    reader_of_the_log(&behind);
    until("the end of the replaced clients", || !is_closing());
}

/// Whether a replaced client is not closed yet.
fn is_closing() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.flatten().any(|thread| {
        let name = std::fs::read_to_string(thread.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "kafka-closing")
    })
}

/// What became of the commands that a producer was given, by number.
#[derive(Default)]
struct Reported {
    acknowledged: BTreeMap<u64, Offset>,
    unknown: BTreeSet<u64>,
}

#[test]
fn a_deaf_producer_is_replaced_and_reports_each_command_once() {
    let Some(behind) = BehindProxy::start() else {
        return;
    };
    let contact = &behind.settings.contact;
    let producer =
        CommandProducer::new(&behind.settings, CommandProducerOptions::default()).unwrap();
    let (sender, results) = mpsc::channel::<(u64, Result<Delivered, SendError>)>();
    let mut reported = Reported::default();
    let mut sent = 0;
    let mut send = |reported: &mut Reported| {
        let (number, sender) = (sent, sender.clone());
        sent += 1;
        let done = Box::new(move |result| sender.send((number, result)).unwrap());
        producer.send(P0, &number.to_le_bytes(), done).unwrap();
        while let Ok((number, result)) = results.recv_timeout(WAIT) {
            let is_first = match result {
                Ok(at) => reported.acknowledged.insert(number, at.offset).is_none(),
                Err(error) => {
                    assert!(error.is_unknown(), "{error}");
                    reported.unknown.insert(number)
                }
            };
            assert!(is_first, "{number} was reported twice");
        }
        number
    };
    for _ in 0..ROUNDS {
        if replacements(contact, "commands producer") > 0 {
            break;
        }
        behind.lose_brokers(|| {
            send(&mut reported);
            false
        });
        let first = send(&mut reported);
        until("an acknowledgement after the loss", || {
            send(&mut reported);
            let last = reported.acknowledged.last_key_value();
            last.is_some_and(|(number, _)| *number >= first)
        });
    }
    assert!(replacements(contact, "commands producer") > 0);
    let last = send(&mut reported);
    until("the last reports", || {
        send(&mut reported);
        (0..=last).all(|number| {
            reported.acknowledged.contains_key(&number) ^ reported.unknown.contains(&number)
        })
    });
    until("the end of the silence", || contact.silent().is_empty());

    let mut reader = KafkaReader::new(&behind.settings).unwrap();
    let (mut batch, mut found) = (EntryBatch::default(), BTreeMap::new());
    let (_, end) = reader.bounds(P0).unwrap();
    let mut next = 0;
    while next < end {
        reader.read(P0, next, usize::MAX, &mut batch).unwrap();
        for entry in batch.iter() {
            let number = u64::from_le_bytes(entry.payload.try_into().unwrap());
            let twice = found.insert(number, entry.offset);
            assert_eq!(twice, None, "{number} is in the log twice");
            next = entry.offset + 1;
        }
    }
    for (number, offset) in &reported.acknowledged {
        assert_eq!(found.get(number), Some(offset), "{number} was lost");
    }
    publisher_of_outcomes(&behind);
}

/// A node that owns nothing sends nothing; it has to be ready for when it does.
#[test]
fn a_deaf_producer_is_replaced_although_nothing_is_sent_through_it() {
    let Some(behind) = BehindProxy::start() else {
        return;
    };
    let contact = &behind.settings.contact;
    let producer =
        CommandProducer::new(&behind.settings, CommandProducerOptions::default()).unwrap();
    let is_replaced = || replacements(contact, "commands producer") > 0;
    for _ in 0..ROUNDS {
        if is_replaced() {
            break;
        }
        // Clients become deaf while they send; long before one is given up, this one sends no more.
        let mut left = SENT_MEANWHILE;
        behind.lose_brokers(|| {
            if left > 0 {
                left -= 1;
                producer.send(P0, b"meanwhile", Box::new(drop)).unwrap();
            }
            std::thread::sleep(WAIT);
            is_replaced()
        });
        until("a client that hears, or another", || {
            is_replaced() || contact.silent().is_empty()
        });
    }
    assert!(is_replaced());
    until("the end of the silence", || contact.silent().is_empty());
}

/// The publisher of outcomes fails, so that its owner publishes again from what the topic has.
fn publisher_of_outcomes(behind: &BehindProxy) {
    let contact = &behind.settings.contact;
    let has_failed = Arc::new(AtomicBool::new(false));
    let new = || {
        let has_failed = Arc::clone(&has_failed);
        OutcomePublisher::new(&behind.settings, move |failure| {
            assert_eq!(failure.partition, None, "{failure:?}");
            has_failed.store(true, Ordering::Relaxed);
        })
    };
    let publisher = new().unwrap();
    let mut next = 0;
    let mut publish_one = |publisher: &OutcomePublisher| {
        publish(publisher, P0, &outcome(next, None, None));
        next += 1;
    };
    for _ in 0..ROUNDS {
        publish_one(&publisher);
        until("the publication", || publisher.flush(WAIT));
        behind.lose_brokers(|| {
            std::thread::sleep(WAIT);
            has_failed.load(Ordering::Relaxed)
        });
        if has_failed.load(Ordering::Relaxed) {
            break;
        }
        publish_one(&publisher);
        until("the publication, or the failure", || {
            publisher.flush(WAIT) || has_failed.load(Ordering::Relaxed)
        });
        if has_failed.load(Ordering::Relaxed) {
            break;
        }
    }
    assert!(has_failed.load(Ordering::Relaxed));
    assert_eq!(replacements(contact, "outcomes producer"), 1);
    assert!(publisher.publish(P0, Offset::MAX, 0, 0, &[], None).is_err());
    let publisher = new().unwrap();
    publish_one(&publisher);
    until("the publication", || publisher.flush(WAIT));
}

/// The blocking reader asks with a new client once the brokers did not answer.
fn reader_of_the_log(behind: &BehindProxy) {
    let mut reader = KafkaReader::new(&behind.settings).unwrap();
    let bounds = reader.bounds(P0).unwrap();
    let mut batch = EntryBatch::default();
    reader.read(P0, 0, usize::MAX, &mut batch).unwrap();
    let contact = &behind.settings.contact;
    for _ in 0..ROUNDS {
        if replacements(contact, "log reader") > 0 {
            break;
        }
        behind.lose_brokers(|| reader.bounds(P0).is_err());
    }
    assert!(replacements(contact, "log reader") > 0);
    until("an answer", || {
        reader.bounds(P0).is_ok_and(|again| again == bounds)
    });
    reader.read(P0, 0, usize::MAX, &mut batch).unwrap();
    assert!(!batch.is_empty());
}
