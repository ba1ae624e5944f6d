//! Foreign records in the topics: all readers continue.

use std::time::Duration;

use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use onsale_schemas::{Offset, PartitionId, codec};

use super::super::{
    CommandConsumer, KafkaError, KafkaReader, KafkaSettings, LogEvent, OutcomeConsumer,
    OutcomeEvent, OutcomeStart, read_nodes,
};
use super::support::{P0, P1, PATIENCE, Raw, TestTopics, outcome, publish, publisher, put, until};
use crate::storage::{EntryBatch, LogReader as _};

const WAIT: Duration = Duration::from_millis(100);

/// Garbage, a tombstone, a record without a key, one with a wrong key, an oversized one, and one
/// that was cut off.
fn put_one_of_each(settings: &KafkaSettings, topic: &str, partition: PartitionId) -> usize {
    let real = codec::encode(&outcome(3, Some(2), None)).unwrap();
    let oversized = vec![0x02; RECORD_SIZE_MAX_BYTES + 1_000];
    let digest: &[u8] = &[1; 8];
    let records: [Raw<'_>; 7] = [
        (None, Some(&[0xA5; 20])),
        (Some(digest), None),
        (None, Some(&real)),
        (Some(b"key"), Some(&real)),
        (Some(digest), Some(&oversized)),
        (Some(digest), Some(&real[..real.len() / 2])),
        (Some(digest), Some(&[])),
    ];
    put(settings, topic, partition, &records);
    records.len()
}

fn offsets_from(settings: &KafkaSettings, start: OutcomeStart) -> Vec<Offset> {
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    consumer.assign(&[(P0, start)]).unwrap();
    let (mut offsets, mut at_end) = (Vec::new(), false);
    until("the end", || {
        consumer
            .poll(WAIT, |event| match event {
                OutcomeEvent::Seen { outcome, .. } => offsets.push(outcome.offset),
                OutcomeEvent::End { .. } => at_end = true,
                OutcomeEvent::Lost => {}
            })
            .unwrap();
        at_end
    });
    offsets
}

#[test]
fn foreign_records_in_every_topic_are_skipped_counted_and_named() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    let (commands, outcomes) = (settings.commands_topic(), settings.outcomes_topic());

    // Commands: any record keeps its place; the machine ignores it.
    let put_commands = put_one_of_each(settings, &commands, P0);
    let mut consumer = CommandConsumer::new(settings).unwrap();
    consumer.assign(&[(P0, 0)]).unwrap();
    let (mut seen, mut at_end) = (Vec::new(), false);
    until("the end of the commands", || {
        consumer
            .poll(WAIT, |event| match event {
                LogEvent::Entry { entry, .. } => seen.push((entry.offset, entry.payload.len())),
                LogEvent::End { .. } => at_end = true,
                LogEvent::Lost => {}
            })
            .unwrap();
        at_end
    });
    assert_eq!(seen.len(), put_commands);
    let mut reader = KafkaReader::new(settings).unwrap();
    let mut batch = EntryBatch::default();
    reader.read(P0, 0, 64 << 20, &mut batch).unwrap();
    let read: Vec<_> = batch
        .iter()
        .map(|entry| (entry.offset, entry.payload.len()))
        .collect();
    assert_eq!(read, seen);

    // Outcomes: before, among and after the real ones.
    let publisher = publisher(settings);
    let mut foreign = put_one_of_each(settings, &outcomes, P0);
    assert!(offsets_from(settings, OutcomeStart::Beginning).is_empty());
    assert!(offsets_from(settings, OutcomeStart::Last).is_empty());
    for (offset, previous) in [(0, None), (1, Some(0)), (2, Some(1))] {
        publish(&publisher, P0, &outcome(offset, previous, None));
        assert!(publisher.flush(PATIENCE));
        foreign += put_one_of_each(settings, &outcomes, P0);
    }
    assert_eq!(offsets_from(settings, OutcomeStart::Beginning), [0, 1, 2]);
    assert_eq!(offsets_from(settings, OutcomeStart::Last).last(), Some(&2));
    assert_eq!(settings.foreign.counts()[&outcomes], foreign as u64);
    let named = settings.foreign.newest(1).remove(0);
    assert_eq!((named.topic, named.partition), (outcomes.clone(), P0));
    // After more garbage than is searched at first.
    for _ in 0..20 {
        put_one_of_each(settings, &outcomes, P0);
    }
    assert_eq!(offsets_from(settings, OutcomeStart::Last).last(), Some(&2));

    // Nodes: the newest status of each, whatever else is there.
    put_one_of_each(settings, &settings.nodes_topic(), P0);
    drop(read_nodes(settings, PATIENCE).unwrap());
}

/// A record that has the form of an outcome: its command does not exist, or it does not follow.
#[test]
fn the_end_of_the_chain_is_not_what_a_foreign_record_says() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    put(
        settings,
        &settings.commands_topic(),
        P0,
        &[(None, Some(&b"x"[..])); 40],
    );
    let publisher = publisher(settings);
    for (offset, previous) in [(3, None), (4, Some(3)), (7, Some(4))] {
        publish(&publisher, P0, &outcome(offset, previous, None));
    }
    for (offset, previous) in [(30, Some(20)), (1 << 50, Some(7)), (39, None)] {
        publish(&publisher, P0, &outcome(offset, previous, None));
    }
    assert!(publisher.flush(PATIENCE));
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    let ends = consumer
        .assign(&[(P0, OutcomeStart::Last), (P1, OutcomeStart::Last)])
        .unwrap();
    assert_eq!(ends[&P0].offset, 7);
    assert!(!ends.contains_key(&P1));
}

/// The commands topic was recreated under the outcomes: single foreign records cannot explain that.
#[test]
fn commands_that_end_before_the_outcomes_are_refused() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let settings = &topics.settings;
    put(
        settings,
        &settings.commands_topic(),
        P0,
        &[(None, Some(&b"x"[..])); 3],
    );
    let publisher = publisher(settings);
    for offset in 100..200 {
        publish(&publisher, P0, &outcome(offset, Some(offset - 1), None));
    }
    assert!(publisher.flush(PATIENCE));
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    let refused = consumer.assign(&[(P0, OutcomeStart::Last)]).unwrap_err();
    assert!(
        matches!(
            refused,
            KafkaError::SetBack {
                outcome: 199,
                end: 3,
                ..
            }
        ),
        "{refused}"
    );
}
