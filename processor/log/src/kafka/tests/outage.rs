//! `kill -9` of the broker in the middle of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId};
use parking_lot::Mutex;

use super::super::{
    CommandConsumer, CommandProducer, CommandProducerOptions, KafkaSettings, LogEvent,
    OutcomeConsumer, OutcomeEvent, OutcomeStart, SendError,
};
use super::support::{
    OwnBroker, P0, P1, PATIENCE, TestTopics, brokers, outcome, publish, publisher, until,
};
use crate::chain::{Link, OutcomeChain};

const WAIT: Duration = Duration::from_millis(50);
/// Commands acknowledged before the kill and after it.
const ACKNOWLEDGED: u64 = 3_000;

/// The result of each command, by its number.
#[derive(Default)]
struct History {
    acknowledged: BTreeMap<u64, (PartitionId, Offset)>,
    unknown: BTreeSet<u64>,
    refused: BTreeSet<u64>,
}

/// What the reader of commands has reported.
#[derive(Default)]
struct Followed {
    commands: BTreeMap<(PartitionId, Offset), u64>,
    losses: u64,
    /// Ends since the last loss.
    ends: BTreeSet<PartitionId>,
}

struct Running {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    fn spawn(&mut self, mut step: impl FnMut() + Send + 'static) {
        let stop = Arc::clone(&self.stop);
        self.threads.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                step();
            }
        }));
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn produce(
    settings: &KafkaSettings,
    history: &Arc<Mutex<History>>,
    acknowledged: &Arc<AtomicU64>,
) -> impl FnMut() + Send + use<> {
    let producer = CommandProducer::new(settings, CommandProducerOptions::default()).unwrap();
    let (history, acknowledged) = (Arc::clone(history), Arc::clone(acknowledged));
    let mut number = 0u64;
    move || {
        let partition = if number.is_multiple_of(2) { P0 } else { P1 };
        let (history, acknowledged) = (Arc::clone(&history), Arc::clone(&acknowledged));
        let done = move |result: Result<_, SendError>| {
            let mut history = history.lock();
            match result {
                Ok(super::super::Delivered { offset, .. }) => {
                    history.acknowledged.insert(number, (partition, offset));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(SendError::Unknown(_)) => {
                    history.unknown.insert(number);
                }
                Err(_) => {
                    history.refused.insert(number);
                }
            }
        };
        match producer.send(partition, &number.to_le_bytes(), Box::new(done)) {
            Ok(()) => number += 1,
            Err(SendError::QueueFull) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
        if number.is_multiple_of(16) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Follows the commands and publishes an outcome of each, as an owner does.
fn follow(
    settings: &KafkaSettings,
    followed: &Arc<Mutex<Followed>>,
) -> impl FnMut() + Send + use<> {
    let publisher = publisher(settings);
    let mut consumer = CommandConsumer::new(settings).unwrap();
    consumer.assign(&[(P0, 0), (P1, 0)]).unwrap();
    let followed = Arc::clone(followed);
    move || {
        let polled = consumer.poll(WAIT, |event| match event {
            LogEvent::Entry { partition, entry } => {
                let number = u64::from_le_bytes(entry.payload.try_into().unwrap());
                let twice = followed
                    .lock()
                    .commands
                    .insert((partition, entry.offset), number);
                assert_eq!(twice, None);
                let record = outcome(entry.offset, entry.offset.checked_sub(1), None);
                publish(&publisher, partition, &record);
            }
            LogEvent::End { partition, .. } => {
                followed.lock().ends.insert(partition);
            }
            LogEvent::Lost => {
                let mut followed = followed.lock();
                followed.losses += 1;
                followed.ends.clear();
            }
        });
        polled.unwrap();
    }
}

/// Follows the outcomes as a projector does.
fn project(
    settings: &KafkaSettings,
    projected: &Arc<Mutex<BTreeMap<PartitionId, OutcomeChain>>>,
) -> impl FnMut() + Send + use<> {
    let mut consumer = OutcomeConsumer::new(settings).unwrap();
    let start = OutcomeStart::Beginning;
    consumer.assign(&[(P0, start), (P1, start)]).unwrap();
    for partition in [P0, P1] {
        projected
            .lock()
            .insert(partition, OutcomeChain::after(None));
    }
    let projected = Arc::clone(projected);
    move || {
        let polled = consumer.poll(WAIT, |event| {
            if let OutcomeEvent::Seen { partition, outcome } = event {
                let mut projected = projected.lock();
                let chain = projected.get_mut(&partition).unwrap();
                // A broker that dies may accept an outcome twice or deliver it twice: readers drop
                // duplicates. A gap would be a loss.
                let link = chain.link(outcome.offset, outcome.previous);
                let whole = matches!(link, Link::New | Link::Seen);
                assert!(whole, "{partition} {}: {link:?}", outcome.offset);
            }
        });
        polled.unwrap();
    }
}

#[test]
fn a_broker_killed_in_the_middle_loses_nothing_and_doubles_nothing() {
    if brokers().is_none() {
        return;
    }
    let broker = OwnBroker::start();
    let topics = TestTopics::make_on(&broker.brokers(), 2);
    let settings = &topics.settings;
    let history = Arc::new(Mutex::new(History::default()));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let followed = Arc::new(Mutex::new(Followed::default()));
    let projected = Arc::new(Mutex::new(BTreeMap::new()));
    let running = || Running {
        stop: Arc::new(AtomicBool::new(false)),
        threads: Vec::new(),
    };
    let (mut producing, mut reading) = (running(), running());
    reading.spawn(follow(settings, &followed));
    reading.spawn(project(settings, &projected));
    producing.spawn(produce(settings, &history, &acknowledged));
    let wait_for = |count: u64| {
        until("acknowledgements", || {
            std::thread::sleep(WAIT);
            acknowledged.load(Ordering::Relaxed) >= count
        });
    };
    wait_for(ACKNOWLEDGED);

    broker.kill();
    until("the loss", || {
        std::thread::sleep(WAIT);
        followed.lock().losses > 0
    });
    assert!(followed.lock().ends.is_empty());
    unknown_and_queue_full(settings);
    broker.start_again();

    let before = acknowledged.load(Ordering::Relaxed);
    wait_for(before + ACKNOWLEDGED);
    producing.stop();
    until("the last reports", || {
        std::thread::sleep(WAIT);
        let history = history.lock();
        let finished = history.acknowledged.len() + history.unknown.len() + history.refused.len();
        let highest = history.acknowledged.keys().chain(&history.unknown).max();
        highest.is_some_and(|highest| finished as u64 == highest + 1)
    });
    // Readers have continued by themselves, reach the end again, and the outcomes arrive.
    until("the end", || {
        std::thread::sleep(WAIT);
        let followed = followed.lock();
        let last = |partition| {
            let mut of_partition = followed
                .commands
                .range((partition, 0)..=(partition, u64::MAX));
            of_partition.next_back().map(|((_, offset), _)| *offset)
        };
        followed.ends.len() == 2
            && history
                .lock()
                .acknowledged
                .values()
                .all(|(partition, offset)| Some(*offset) <= last(*partition))
            && projected
                .lock()
                .iter()
                .all(|(partition, chain)| chain.last() == last(*partition))
    });
    reading.stop();

    let history = history.lock();
    let commands = &followed.lock().commands;
    assert_eq!(history.refused, BTreeSet::new());
    for (number, place) in &history.acknowledged {
        assert_eq!(commands.get(place), Some(number), "{place:?} was lost");
    }
    let numbers: BTreeSet<u64> = commands.values().copied().collect();
    assert_eq!(numbers.len(), commands.len(), "a command is there twice");
    for number in numbers {
        assert!(
            history.acknowledged.contains_key(&number) || history.unknown.contains(&number),
            "{number} was never reported"
        );
    }
    println!(
        "{} acknowledged, {} unknown, {} in the log",
        history.acknowledged.len(),
        history.unknown.len(),
        commands.len()
    );
}

/// While the broker is down, a small queue fills up, and what is in it ends as unknown.
fn unknown_and_queue_full(settings: &KafkaSettings) {
    let options = CommandProducerOptions {
        queue_max: 4,
        timeout: Duration::from_millis(500),
    };
    let producer = CommandProducer::new(settings, options).unwrap();
    let (sender, results) = mpsc::channel();
    let send = || {
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send(result).unwrap());
        producer.send(P0, &u64::MAX.to_le_bytes(), done)
    };
    for _ in 0..4 {
        send().unwrap();
    }
    assert_eq!(send(), Err(SendError::QueueFull));
    for _ in 0..4 {
        let error = results.recv_timeout(PATIENCE).unwrap().unwrap_err();
        assert!(error.is_unknown(), "{error}");
    }
}
