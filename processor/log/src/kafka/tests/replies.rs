//! The log of an ingress, with a stand-in for the processors that refuses everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use onsale_schemas::{
    Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, ShowId, ShowSeats,
    codec,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::{
    CommandConsumer, KafkaCommandLog, KafkaCommandLogOptions, KafkaSettings, LogEvent, SeatSource,
    Serving,
};
use super::support::{P0, P1, PATIENCE, TestTopics, outcome, publish, publisher, put};
use crate::commands::{CommandLog as _, Reply, Submission, SubmitError};

/// Publishes one outcome per command.
struct StandIn {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    fn start(settings: &KafkaSettings) -> Self {
        Self::start_at(settings, 0)
    }

    /// Answers the commands of partition 0 from this offset on.
    fn start_at(settings: &KafkaSettings, from: Offset) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let settings = settings.clone();
        let thread = std::thread::spawn(move || {
            let publisher = publisher(&settings);
            let mut commands = CommandConsumer::new(&settings).unwrap();
            commands.assign(&[(P0, from), (P1, 0)]).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                commands
                    .poll(Duration::from_millis(50), |event| {
                        if let LogEvent::Entry { partition, entry } = event {
                            let envelope =
                                codec::decode::<onsale_schemas::Envelope>(entry.payload).unwrap();
                            publish(&publisher, partition, &answer(entry.offset, &envelope));
                        }
                    })
                    .unwrap();
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the stand-in failed");
        }
    }
}

fn answer(offset: Offset, envelope: &Envelope) -> OutcomeRecord {
    let mut record = outcome(offset, offset.checked_sub(1), envelope.request_id);
    if let Command::Barrier { machine_version } = envelope.command {
        record.outcome = Outcome::BarrierPassed { machine_version };
    }
    record
}

/// Knows no shows, but what it was asked.
#[derive(Default)]
struct NoSeats {
    asked: Mutex<Vec<Option<Offset>>>,
}

#[async_trait]
impl SeatSource for NoSeats {
    async fn show_seats(
        &self,
        _partition: PartitionId,
        _show: ShowId,
        seen: Option<Offset>,
    ) -> Result<Option<ShowSeats>, SubmitError> {
        self.asked.lock().push(seen);
        Ok(None)
    }
}

fn ingress(topics: &TestTopics) -> KafkaCommandLog {
    KafkaCommandLog::start(
        &topics.settings,
        &topics.topics,
        Arc::new(NoSeats::default()),
        KafkaCommandLogOptions::default(),
    )
    .unwrap()
}

fn wait_ready(log: &KafkaCommandLog) {
    let mut serving = log.serving();
    let ready = block_on(serving.wait_for(|serving| !matches!(serving, Serving::Starting(_))))
        .unwrap()
        .clone();
    assert_eq!(ready, Serving::Ready);
}

fn submit(
    log: &KafkaCommandLog,
    partition: PartitionId,
    request_id: RequestId,
) -> oneshot::Receiver<Reply> {
    let envelope = Envelope {
        request_id: Some(request_id),
        ..Envelope::machine(Command::CloseShow {
            show: ShowId(Uuid::nil()),
        })
    };
    let (reply, receiver) = oneshot::channel();
    log.submit(Submission {
        partition,
        request_id,
        payload: codec::encode(&envelope).unwrap(),
        reply,
    })
    .unwrap();
    receiver
}

#[test]
fn ingresses_get_their_own_outcomes_and_follow_all() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let log = ingress(&topics);
    assert!(matches!(*log.serving().borrow(), Serving::Starting(_)));
    let _processors = StandIn::start(&topics.settings);
    wait_ready(&log);
    let other = ingress(&topics);
    wait_ready(&other);

    let mut feed = other.subscribe();
    let replies: Vec<_> = (0..200u128)
        .map(|i| {
            let id = RequestId(Uuid::from_u128(i + 1));
            let partition = if i % 3 == 0 { P0 } else { P1 };
            let log = if i % 2 == 0 { &log } else { &other };
            (id, submit(log, partition, id))
        })
        .collect();
    let mut offsets = Vec::new();
    for (id, reply) in replies {
        let record = reply.blocking_recv().unwrap().unwrap();
        assert_eq!(record.request_id, Some(id));
        offsets.push(record.offset);
    }
    assert_eq!(log.pending() + other.pending(), 0);
    let mut fed = 0;
    while fed < 200 {
        let batch = feed.blocking_recv().unwrap();
        fed += batch
            .records
            .iter()
            .filter(|record| matches!(record.outcome, Outcome::Rejected(_)))
            .count();
        assert!(batch.records.is_sorted_by_key(|record| record.offset));
    }

    // One may not have read yet what the other has reported; what was never written is nowhere.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for i in 0..50u128 {
        let reply = submit(&log, P0, RequestId(Uuid::from_u128(i + 1_001)));
        let offset = reply.blocking_recv().unwrap().unwrap().offset;
        assert!(runtime.block_on(other.may_hold(P0, offset)), "{offset}");
        assert!(
            !runtime.block_on(other.may_hold(P0, offset + 1)),
            "{offset}"
        );
    }

    // The same request at both, and twice at one: each has its own record and gets its outcome.
    let id = RequestId(Uuid::from_u128(999));
    let same = [&log, &other, &log].map(|log| submit(log, P0, id));
    let mut offsets = same.map(|reply| reply.blocking_recv().unwrap().unwrap().offset);
    offsets.sort_unstable();
    let first = offsets[0];
    assert_eq!(offsets, [first, first + 1, first + 2]);
}

#[test]
fn views_start_from_no_earlier_than_what_was_seen() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let seats = Arc::new(NoSeats::default());
    let source: Arc<dyn SeatSource> = seats.clone();
    let options = KafkaCommandLogOptions::default();
    let log = KafkaCommandLog::start(&topics.settings, &topics.topics, source, options).unwrap();
    let _processors = StandIn::start(&topics.settings);
    wait_ready(&log);
    let reply = submit(&log, P1, RequestId(Uuid::new_v4()));
    let offset = reply.blocking_recv().unwrap().unwrap().offset;
    assert_eq!(log.seen(P1), Some(offset));
    let show = ShowId(Uuid::nil());
    assert_eq!(block_on(log.show_seats(P1, show)), Ok(None));
    assert_eq!(*seats.asked.lock(), [Some(offset)]);
    // One that starts later knows how far the partition is without any traffic.
    let later = ingress(&topics);
    wait_ready(&later);
    assert!(later.seen(P1) >= Some(offset));
}

#[test]
fn a_gap_stops_an_ingress_and_waiting_requests_are_answered_unknown() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let log = ingress(&topics);
    let waiting = submit(&log, P0, RequestId(Uuid::new_v4()));
    let publisher = publisher(&topics.settings);
    publish(&publisher, P0, &outcome(5, None, None));
    // One record beside the chain is foreign; several in a row are missing outcomes.
    publish(&publisher, P0, &outcome(50, Some(40), None));
    for offset in 7..11 {
        publish(&publisher, P0, &outcome(offset, Some(offset - 1), None));
    }
    let mut serving = log.serving();
    let stopped = block_on(serving.wait_for(|serving| matches!(serving, Serving::Stopped(_))))
        .unwrap()
        .clone();
    let Serving::Stopped(why) = stopped else {
        panic!("{stopped:?}");
    };
    assert!(why.contains("outcomes of partition 0 are missing"), "{why}");
    assert!(waiting.blocking_recv().is_err());
    let (reply, _receiver) = oneshot::channel();
    let submission = Submission {
        partition: P0,
        request_id: RequestId(Uuid::new_v4()),
        payload: Vec::new(),
        reply,
    };
    assert_eq!(log.submit(submission), Err(SubmitError::Unavailable));
}

#[test]
fn foreign_outcomes_stop_no_ingress() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let log = ingress(&topics);
    let processors = StandIn::start(&topics.settings);
    wait_ready(&log);
    let real = submit(&log, P0, RequestId(Uuid::new_v4()));
    let first = real.blocking_recv().unwrap().unwrap().offset;
    let outcomes = topics.settings.outcomes_topic();
    put(
        &topics.settings,
        &outcomes,
        P0,
        &[(None, Some(&[0xA5; 20])), (None, None)],
    );
    let publisher = publisher(&topics.settings);
    publish(
        &publisher,
        P0,
        &outcome(first + 900, Some(first + 800), None),
    );
    assert!(publisher.flush(PATIENCE));
    let later = submit(&log, P0, RequestId(Uuid::new_v4()));
    assert_eq!(later.blocking_recv().unwrap().unwrap().offset, first + 1);
    assert_eq!(topics.settings.foreign.counts()[&outcomes], 3);
    assert_eq!(log.seen(P0), Some(first + 1));
    drop(processors);
    // One that starts behind them.
    let other = ingress(&topics);
    let _processors = StandIn::start_at(&topics.settings, first + 2);
    wait_ready(&other);
}

/// The commands topic was recreated while the outcomes continued.
#[test]
fn a_log_that_is_shorter_than_it_was_takes_nothing() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let log = ingress(&topics);
    let publisher = publisher(&topics.settings);
    for offset in 500..510 {
        publish(&publisher, P1, &outcome(offset, Some(offset - 1), None));
    }
    let mut serving = log.serving();
    let set_back = block_on(serving.wait_for(|serving| matches!(serving, Serving::SetBack(_))))
        .unwrap()
        .clone();
    let Serving::SetBack(why) = set_back else {
        panic!("{set_back:?}");
    };
    assert!(why.contains("shorter than it was"), "{why}");
    let (reply, _receiver) = oneshot::channel();
    let submission = Submission {
        partition: P0,
        request_id: RequestId(Uuid::new_v4()),
        payload: Vec::new(),
        reply,
    };
    assert_eq!(log.submit(submission), Err(SubmitError::Unavailable));
}

#[test]
fn the_number_of_those_who_wait_is_bounded() {
    let Some(topics) = TestTopics::make(2) else {
        return;
    };
    let log = KafkaCommandLog::start(
        &topics.settings,
        &topics.topics,
        Arc::new(NoSeats::default()),
        KafkaCommandLogOptions {
            pending_max: 2,
            pending_timeout: Duration::from_secs(2),
            ..KafkaCommandLogOptions::default()
        },
    )
    .unwrap();
    // Nothing is processed.
    let first = submit(&log, P0, RequestId(Uuid::new_v4()));
    let _second = submit(&log, P0, RequestId(Uuid::new_v4()));
    let (reply, _receiver) = oneshot::channel();
    let submission = Submission {
        partition: P0,
        request_id: RequestId(Uuid::new_v4()),
        payload: Vec::new(),
        reply,
    };
    assert_eq!(log.submit(submission), Err(SubmitError::QueueFull));
    // Unknown after a while, and then there is room.
    assert!(first.blocking_recv().is_err());
    drop(submit(&log, P0, RequestId(Uuid::new_v4())));
    log.stop();
    assert_eq!(log.pending(), 0);
}
