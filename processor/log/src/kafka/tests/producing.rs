//! Results of sent commands.

use std::sync::mpsc;

use onsale_schemas::PartitionId;
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;

use super::super::{CommandProducer, CommandProducerOptions, SendError};
use super::support::{P0, P1, PATIENCE, TestTopics, until};

#[test]
fn commands_are_delivered_in_order_with_place_and_time() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let producer =
        CommandProducer::new(&topics.settings, CommandProducerOptions::default()).unwrap();
    let (sender, results) = mpsc::channel();
    for i in 0..100u64 {
        let sender = sender.clone();
        let partition = if i % 2 == 0 { P0 } else { P1 };
        let done = Box::new(move |result| sender.send((i, result)).unwrap());
        producer.send(partition, &i.to_le_bytes(), done).unwrap();
    }
    assert!(producer.flush(PATIENCE));
    let mut last_ms = 0;
    let mut delivered: Vec<_> = results.try_iter().collect();
    delivered.sort_unstable_by_key(|(i, _)| *i);
    assert_eq!(delivered.len(), 100);
    for (i, result) in delivered {
        let at = result.unwrap();
        assert_eq!(at.offset, i / 2);
        assert!(at.log_time_ms > 1_700_000_000_000, "{at:?}");
        last_ms = last_ms.max(at.log_time_ms);
    }
    assert_eq!(producer.waiting(), 0);
}

#[test]
fn what_can_never_be_appended_is_refused_at_once() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let producer =
        CommandProducer::new(&topics.settings, CommandProducerOptions::default()).unwrap();
    let refused = |partition: u16, size: usize| {
        let done = Box::new(|_| panic!("called though the send failed"));
        match producer.send(PartitionId(partition), &vec![1; size], done) {
            Err(SendError::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(2, 1).contains("partition 2 does not exist"));
    assert!(refused(0, RECORD_SIZE_MAX_BYTES + 1).contains("larger than the log takes"));
    let (sender, result) = mpsc::channel();
    let done = Box::new(move |result| sender.send(result).unwrap());
    producer
        .send(P1, &vec![1; RECORD_SIZE_MAX_BYTES], done)
        .unwrap();
    assert_eq!(result.recv_timeout(PATIENCE).unwrap().unwrap().offset, 0);
}

#[test]
fn without_brokers_the_queue_fills_and_what_was_taken_ends_as_unknown() {
    // Nothing listens there, so this needs no broker.
    let settings = super::support::settings("127.0.0.1:1", 2);
    let options = CommandProducerOptions {
        queue_max: 8,
        // Long enough to fill the queue meanwhile, on a busy machine too.
        timeout: std::time::Duration::from_secs(3),
    };
    let producer = CommandProducer::new(&settings, options).unwrap();
    let (sender, results) = mpsc::channel();
    let send = || {
        let sender = sender.clone();
        producer.send(
            P0,
            b"x",
            Box::new(move |result| sender.send(result).unwrap()),
        )
    };
    for _ in 0..8 {
        send().unwrap();
    }
    assert_eq!(send(), Err(SendError::QueueFull));
    for _ in 0..8 {
        let error = results.recv_timeout(PATIENCE).unwrap().unwrap_err();
        assert!(error.is_unknown(), "{error}");
    }
    // A record frees its room after its sender got the result.
    until("there is room again", || match send() {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error, SendError::QueueFull);
            false
        }
    });
}

#[test]
fn dropping_a_producer_tells_what_still_waited() {
    let settings = super::support::settings("127.0.0.1:1", 2);
    let producer = CommandProducer::new(&settings, CommandProducerOptions::default()).unwrap();
    let (sender, results) = mpsc::channel();
    let done = Box::new(move |result| sender.send(result).unwrap());
    producer.send(P0, b"x", done).unwrap();
    drop(producer);
    assert!(
        results
            .recv_timeout(PATIENCE)
            .unwrap()
            .unwrap_err()
            .is_unknown()
    );
}
