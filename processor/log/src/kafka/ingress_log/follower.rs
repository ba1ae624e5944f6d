//! The thread that reads all outcomes: it answers waiting requests, feeds followers, and sends
//! barriers until every partition answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use onsale_schemas::limits::MACHINE_VERSION_NEWEST;
use onsale_schemas::{Command, Envelope, OutcomeRecord, PartitionId, RequestId, codec};
use uuid::Uuid;

use super::super::commands::CommandProducer;
use super::super::outcome_consumer::{
    ChainEnds, OutcomeConsumer, OutcomeEvent, PublishedOutcome, not_in_chain,
};
use super::{IngressLogState, Serving};
use crate::chain::{OutcomeChain, OutcomeReader, Step};
use crate::commands::OutcomeBatch;

/// How long to wait for outcomes at a time.
const POLL: Duration = Duration::from_millis(50);
/// A partition that has not answered is asked again after this time.
const BARRIER_EVERY: Duration = Duration::from_secs(1);
/// How often requests that have waited too long are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// How often one partition, in turn, is checked for whether it still has all its commands.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    shared: Arc<IngressLogState>,
    producer: CommandProducer,
    outcomes: OutcomeConsumer,
    streams: Vec<Stream>,
    /// Request id of all barriers in flight.
    barrier: RequestId,
    barriers_sent: Option<Instant>,
    forgot: Instant,
    looked: Instant,
    look_next: usize,
}

struct Stream {
    partition: PartitionId,
    chain: OutcomeReader,
    /// A barrier came back.
    answered: bool,
    gathered: Vec<OutcomeRecord>,
}

impl Follower {
    pub(super) fn new(
        shared: Arc<IngressLogState>,
        producer: CommandProducer,
        outcomes: OutcomeConsumer,
        partitions: &[PartitionId],
        ends: &ChainEnds,
    ) -> Self {
        let streams = partitions
            .iter()
            .map(|&partition| Stream {
                partition,
                // The newest outcome is the first one taken.
                chain: OutcomeReader::new(
                    ends.get(&partition)
                        .map_or(OutcomeChain::anywhere(), |end| {
                            OutcomeChain::after(end.previous)
                        }),
                ),
                answered: false,
                gathered: Vec::new(),
            })
            .collect();
        Self {
            shared,
            producer,
            outcomes,
            streams,
            barrier: RequestId(Uuid::new_v4()),
            barriers_sent: None,
            forgot: Instant::now(),
            looked: Instant::now(),
            look_next: 0,
        }
    }

    /// Runs until it is stopped or reading cannot continue.
    pub(super) fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            self.send_barriers();
            if let Err(why) = self.step() {
                tracing::error!("following outcomes stopped: {why}");
                self.shared.end(why);
                return;
            }
            if self.forgot.elapsed() >= FORGET_EVERY {
                self.forgot = Instant::now();
                let age = self.shared.options.pending_timeout;
                self.shared.pending.lock().forget(self.forgot, age);
            }
            if self.looked.elapsed() >= LOOK_EVERY {
                self.look_at_one();
            }
        }
    }

    fn step(&mut self) -> Result<(), String> {
        let Self {
            shared,
            outcomes,
            streams,
            barrier,
            ..
        } = self;
        let mut broken = None;
        let mut came_round = false;
        let mut foreign = Vec::new();
        outcomes
            .poll(POLL, |event| {
                let OutcomeEvent::Seen { partition, outcome } = event else {
                    return;
                };
                let Some(stream) = streams.get_mut(usize::from(partition.0)) else {
                    return;
                };
                if broken.is_some() {
                    return;
                }
                if outcome.request_id == Some(*barrier) && !stream.answered {
                    stream.answered = true;
                    came_round = true;
                }
                match stream.take(&outcome, shared) {
                    Ok(()) => {}
                    Err(NotTaken::Foreign(why)) => foreign.push((partition, outcome.position, why)),
                    Err(NotTaken::Broken(why)) => broken = Some(why),
                }
            })
            .map_err(|error| error.to_string())?;
        for (partition, position, why) in foreign {
            outcomes.note_foreign(partition, position, why);
        }
        for stream in streams.iter_mut() {
            stream.feed(shared);
        }
        if came_round {
            self.tell_serving();
        }
        broken.map_or(Ok(()), Err)
    }

    /// Checks that no commands have disappeared.
    fn look_at_one(&mut self) {
        self.looked = Instant::now();
        self.look_next = (self.look_next + 1) % self.streams.len().max(1);
        if let Some(stream) = self.streams.get(self.look_next)
            && let Some(end) = self.outcomes.commands_end(stream.partition)
        {
            let seen = self.shared.seen(stream.partition);
            self.shared.look_at_end(stream.partition, end, seen);
        }
    }

    fn missing(&self) -> Vec<PartitionId> {
        let missing = self.streams.iter().filter(|stream| !stream.answered);
        missing.map(|stream| stream.partition).collect()
    }

    fn tell_serving(&self) {
        let missing = self.missing();
        self.shared.serving.send_modify(|serving| {
            if matches!(serving, Serving::Starting(_)) {
                *serving = if missing.is_empty() {
                    Serving::Ready
                } else {
                    Serving::Starting(missing)
                };
            }
        });
    }

    fn send_barriers(&mut self) {
        let due = self
            .barriers_sent
            .is_none_or(|sent| sent.elapsed() >= BARRIER_EVERY);
        if !due || self.streams.iter().all(|stream| stream.answered) {
            return;
        }
        self.barriers_sent = Some(Instant::now());
        let envelope = Envelope {
            request_id: Some(self.barrier),
            ..Envelope::machine(Command::Barrier {
                // Processors that do not know it stop there, which is why they are upgraded first.
                machine_version: MACHINE_VERSION_NEWEST,
            })
        };
        let payload = match codec::encode(&envelope) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!("a barrier cannot be encoded: {error}");
                return;
            }
        };
        for partition in self.missing() {
            // Whatever does not arrive is sent again.
            let sent = self.producer.send(partition, &payload, Box::new(|_| ()));
            if let Err(error) = sent {
                tracing::debug!(%partition, "a barrier was not sent: {error}");
            }
        }
    }
}

/// Why an outcome was not taken.
enum NotTaken {
    /// It is skipped.
    Foreign(String),
    /// Nothing can be read on.
    Broken(String),
}

impl Stream {
    fn take(
        &mut self,
        outcome: &PublishedOutcome<'_>,
        shared: &IngressLogState,
    ) -> Result<(), NotTaken> {
        // An outcome that does not decode is never taken for the next one.
        let record: OutcomeRecord = codec::decode(outcome.payload)
            .map_err(|error| NotTaken::Foreign(format!("no outcome: {error}")))?;
        match self.chain.step(outcome.offset, outcome.previous) {
            Step::Seen => return Ok(()),
            Step::New => {}
            Step::Aside { expected, got } => {
                return Err(NotTaken::Foreign(not_in_chain(
                    outcome.offset,
                    expected,
                    got,
                )));
            }
            Step::Gap { expected, got } => {
                return Err(NotTaken::Broken(format!(
                    "outcomes of partition {} are missing: the topic continues up to offset {} from \
                     {got:?}, and the last one read is {expected:?}",
                    self.partition, outcome.offset
                )));
            }
        }
        let at = usize::from(self.partition.0);
        if let (Some(began_at), Some(seen)) = (shared.began_at.get(at), shared.seen.get(at)) {
            let end = outcome.offset + 1;
            if began_at.load(Ordering::Acquire) == 0 {
                began_at.store(end, Ordering::Release);
            }
            seen.store(end, Ordering::Release);
        }
        shared.pending.lock().outcome(self.partition, &record);
        self.gathered.push(record);
        Ok(())
    }

    fn feed(&mut self, shared: &IngressLogState) {
        if self.gathered.is_empty() {
            return;
        }
        let batch = OutcomeBatch {
            partition: self.partition,
            records: std::mem::take(&mut self.gathered),
        };
        // There may be no followers.
        let _followers = shared.feed.send(Arc::new(batch));
    }
}
