//! Publishing and following outcomes, and the list of nodes.

use std::sync::mpsc;
use std::time::Duration;

use futures::executor::block_on;
use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::{LogTimeMs, Offset, OutcomeRecord, SeatList, ShowId, UserId, codec};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig as _;

use super::super::{
    KafkaSettings, NodesPublisher, OutcomeConsumer, OutcomeEvent, OutcomePublisher, OutcomeStart,
    PublishError, clients, read_nodes,
};
use super::support::{P1, PATIENCE, TestTopics, outcome, publish, publisher, put, until};
use crate::chain::{Link, OutcomeChain};

const WAIT: Duration = Duration::from_millis(100);

/// Outcomes have commands.
fn with_commands(settings: &KafkaSettings) {
    put(
        settings,
        &settings.commands_topic(),
        P1,
        &[(None, Some(&b"x"[..])); 20],
    );
}

/// Offsets of the outcomes of one partition from `start` to the end.
fn offsets_from(settings: &KafkaSettings, start: OutcomeStart) -> Vec<Offset> {
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    consumer.assign(&[(P1, start)]).unwrap();
    read_to_end(&mut consumer)
}

fn read_to_end(consumer: &mut OutcomeConsumer) -> Vec<Offset> {
    let mut offsets = Vec::new();
    let mut at_end = false;
    until("the end", || {
        consumer
            .poll(WAIT, |event| match event {
                OutcomeEvent::Seen { partition, outcome } => {
                    assert_eq!(partition, P1);
                    assert_eq!(outcome.digest, outcome.offset);
                    assert_eq!(outcome.log_time_ms, outcome.offset * 100);
                    offsets.push(outcome.offset);
                }
                OutcomeEvent::End { .. } => at_end = true,
                OutcomeEvent::Lost => panic!("the broker was there all the time"),
            })
            .unwrap();
        at_end
    });
    offsets
}

#[test]
fn outcomes_are_followed_from_any_start() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    for start in [
        OutcomeStart::Beginning,
        OutcomeStart::Last,
        OutcomeStart::End,
        OutcomeStart::AtTime(1),
    ] {
        assert!(offsets_from(settings, start).is_empty(), "{start:?}");
    }
    with_commands(settings);
    let publisher = publisher(settings);
    let mut previous = None;
    for offset in [2, 3, 5, 8, 13] {
        publish(&publisher, P1, &outcome(offset, previous, None));
        previous = Some(offset);
    }
    assert!(publisher.flush(PATIENCE));
    let at = |time_ms: LogTimeMs| offsets_from(settings, OutcomeStart::AtTime(time_ms));
    assert_eq!(
        offsets_from(settings, OutcomeStart::Beginning),
        [2, 3, 5, 8, 13]
    );
    assert_eq!(offsets_from(settings, OutcomeStart::Last), [13]);
    assert!(offsets_from(settings, OutcomeStart::End).is_empty());
    assert_eq!(at(0), [2, 3, 5, 8, 13]);
    assert_eq!(at(300), [3, 5, 8, 13]);
    assert_eq!(at(301), [5, 8, 13]);
    assert!(at(1_301).is_empty());
    // What arrives after an assignment at the end is reported.
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    consumer
        .assign(&[(P1, OutcomeStart::AtTime(9_999))])
        .unwrap();
    publish(&publisher, P1, &outcome(14, Some(13), None));
    let mut offsets = Vec::new();
    until("the new one", || {
        offsets.extend(read_to_end(&mut consumer));
        !offsets.is_empty()
    });
    assert_eq!(offsets, [14]);
}

/// The newest record may be a repeat by a publisher that is gone: the highest outcome is found
/// nevertheless, and a chain that begins there meets no gap.
#[test]
fn the_last_outcome_is_found_behind_repeats() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    with_commands(settings);
    let publisher = publisher(settings);
    for offset in [1u64, 2, 3, 4, 1, 2, 3] {
        let record = outcome(offset, offset.checked_sub(1).filter(|p| *p > 0), None);
        publish(&publisher, P1, &record);
    }
    assert!(publisher.flush(PATIENCE));
    assert_eq!(offsets_from(settings, OutcomeStart::Last), [4, 1, 2, 3]);
}

/// Two owners at once: each publishes from one past what it read.
#[test]
fn two_publishers_at_once_make_one_chain() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let outcomes: Vec<_> = (0..300u64)
        .map(|i| outcome(i, i.checked_sub(1), None))
        .collect();
    let old = publisher(&topics.settings);
    for record in &outcomes[..100] {
        publish(&old, P1, record);
    }
    assert!(old.flush(PATIENCE));
    let new = publisher(&topics.settings);
    for i in 100..300 {
        publish(&old, P1, &outcomes[i]);
        publish(&new, P1, &outcomes[i - 50]);
    }
    for record in &outcomes[250..] {
        publish(&new, P1, record);
    }
    assert!(old.flush(PATIENCE) && new.flush(PATIENCE));
    let mut consumer = OutcomeConsumer::new(&topics.settings).unwrap();
    consumer.assign(&[(P1, OutcomeStart::Beginning)]).unwrap();
    let mut chain = OutcomeChain::after(None);
    let mut taken: Vec<OutcomeRecord> = Vec::new();
    let mut seen = 0;
    let mut at_end = false;
    until("the end", || {
        consumer
            .poll(WAIT, |event| match event {
                OutcomeEvent::Seen { outcome, .. } => {
                    match chain.link(outcome.offset, outcome.previous) {
                        Link::New => taken.push(codec::decode(outcome.payload).unwrap()),
                        Link::Seen => seen += 1,
                        gap @ Link::Gap { .. } => panic!("{gap:?}"),
                    }
                }
                OutcomeEvent::End { .. } => at_end = true,
                OutcomeEvent::Lost => {}
            })
            .unwrap();
        at_end
    });
    assert_eq!(taken, outcomes);
    assert_eq!(seen, 250);
}

fn set_max_message_bytes(settings: &KafkaSettings, bytes: usize) {
    let admin: AdminClient<DefaultClientContext> =
        AdminClient::from_config(&clients::admin_config(settings)).unwrap();
    let topic = settings.outcomes_topic();
    let bytes = bytes.to_string();
    let change =
        AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", &bytes);
    for changed in block_on(admin.alter_configs([&change], &AdminOptions::new())).unwrap() {
        changed.unwrap();
    }
}

#[test]
fn a_publisher_that_failed_stays_silent_and_a_new_one_goes_on_after_reading_the_tail() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    with_commands(settings);
    let (sender, failures) = mpsc::channel();
    let publisher =
        OutcomePublisher::new(settings, move |failure| sender.send(failure).unwrap()).unwrap();
    publish(&publisher, P1, &outcome(0, None, None));
    assert!(publisher.flush(PATIENCE));
    // The broker refuses everything from here on.
    set_max_message_bytes(settings, 10);
    let record = outcome(1, Some(0), None);
    let payload = codec::encode(&record).unwrap();
    let mut failure = None;
    until("a failure", || {
        // The setting takes a moment to arrive; the same outcome twice is harmless.
        let taken = publisher.publish(P1, 1, 100, 1, &payload, None);
        assert!(!matches!(taken, Err(PublishError::QueueFull)));
        failure = failures.recv_timeout(WAIT).ok();
        failure.is_some()
    });
    let failure = failure.unwrap();
    // The client may say so before the record does.
    assert!(failure.partition.is_none_or(|failed| failed == P1));
    assert_eq!(
        publisher.publish(P1, 2, 200, 2, &payload, None),
        Err(PublishError::Failed)
    );
    assert!(!publisher.flush(PATIENCE));
    drop(publisher);
    assert!(failures.recv().is_err(), "a failure was reported twice");
    set_max_message_bytes(settings, clients::MESSAGE_MAX_BYTES);
    let last = *offsets_from(settings, OutcomeStart::Last).last().unwrap();
    let publisher = super::support::publisher(settings);
    for offset in last + 1..5 {
        publish(&publisher, P1, &outcome(offset, Some(offset - 1), None));
    }
    assert!(publisher.flush(PATIENCE));
    let mut offsets = offsets_from(settings, OutcomeStart::Beginning);
    offsets.dedup();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
}

/// An outcome of more bytes than the topic takes after [`set_max_message_bytes`].
fn large_outcome(offset: Offset, previous: Option<Offset>) -> OutcomeRecord {
    let ended = EndedBooking {
        booking: offset,
        show: ShowId::from_bytes([7; 16]),
        user: UserId::from_bytes([8; 16]),
        zone: 0,
        seats: SeatList::default(),
        quantity: 1,
    };
    OutcomeRecord {
        expired: vec![ended; 200],
        ..outcome(offset, previous, None)
    }
}

/// What is numbered anew behind a refused outcome would be a gap in the chain, which stops everyone.
#[test]
fn nothing_passes_an_outcome_that_the_brokers_refuse() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    with_commands(settings);
    set_max_message_bytes(settings, 2_000);
    let (sender, failures) = mpsc::channel();
    let failing = || {
        let sender = sender.clone();
        OutcomePublisher::new(settings, move |failure| sender.send(failure).unwrap()).unwrap()
    };
    let probe = failing();
    until("the setting", || {
        // Until it has arrived, this is what stands in the topic; twice is harmless.
        let payload = codec::encode(&large_outcome(0, None)).unwrap();
        drop(probe.publish(P1, 0, 0, 0, &payload, None));
        failures.recv_timeout(WAIT).is_ok()
    });
    drop(probe);
    for _ in 0..20 {
        let publisher = failing();
        for offset in 0..400u64 {
            let previous = offset.checked_sub(1);
            let record = match offset {
                20 => large_outcome(offset, previous),
                _ => outcome(offset, previous, None),
            };
            let payload = codec::encode(&record).unwrap();
            let (time_ms, digest) = (record.log_time_ms, record.offset);
            if publisher
                .publish(P1, offset, time_ms, digest, &payload, None)
                .is_err()
            {
                break;
            }
            // In requests of their own: what is refused is one among several under way.
            if offset % 10 == 9 {
                std::thread::sleep(Duration::from_millis(3));
            }
        }
        failures.recv_timeout(PATIENCE).unwrap();
        publisher.flush(PATIENCE);
        drop(publisher);
        let offsets = offsets_from(settings, OutcomeStart::Beginning);
        assert!(offsets.iter().all(|offset| *offset < 20), "{offsets:?}");
    }
}

#[test]
fn the_newest_status_of_each_node_is_found() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    assert_eq!(read_nodes(settings, PATIENCE).unwrap(), []);
    let nodes = NodesPublisher::new(settings).unwrap();
    for (node, status) in [
        ("processor-1", "1"),
        ("ingress-1", "2"),
        ("processor-1", "3"),
        ("gone", "4"),
        ("gone", ""),
    ] {
        nodes.publish(node, status.as_bytes());
    }
    assert!(nodes.flush(PATIENCE));
    let found: Vec<_> = read_nodes(settings, PATIENCE)
        .unwrap()
        .into_iter()
        .map(|record| {
            assert!(record.time_ms > 1_700_000_000_000);
            (record.node, String::from_utf8(record.status).unwrap())
        })
        .collect();
    let expected = [("ingress-1", "2"), ("processor-1", "3")];
    assert_eq!(found, expected.map(|(n, s)| (n.to_owned(), s.to_owned())));
}
