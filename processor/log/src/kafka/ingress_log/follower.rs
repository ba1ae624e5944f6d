//! The thread that reads all outcomes: answers who waits, feeds who follows, and sends barriers
//! round until every partition answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use onsale_schemas::{Command, Envelope, OutcomeRecord, PartitionId, RequestId, codec};
use uuid::Uuid;

use super::super::commands::CommandProducer;
use super::super::outcome_consumer::{OutcomeConsumer, OutcomeEvent, PublishedOutcome};
use super::{Serving, Shared};
use crate::chain::{Link, OutcomeChain};
use crate::commands::OutcomeBatch;

/// How long to wait for outcomes at a time.
const POLL: Duration = Duration::from_millis(50);
/// A partition that has not answered is asked again after this time.
const BARRIER_EVERY: Duration = Duration::from_secs(1);
/// How often requests that have waited too long are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// The machine version whose commands this program sends: its barriers raise the version to that.
/// Processors that do not know it stop there, which is why they are upgraded first.
const MACHINE_VERSION: u16 = 2;

pub(super) struct Follower {
    shared: Arc<Shared>,
    producer: CommandProducer,
    outcomes: OutcomeConsumer,
    streams: Vec<Stream>,
    /// Barriers of all kinds that are under way have this request id.
    barrier: RequestId,
    barriers_sent: Option<Instant>,
    forgot: Instant,
}

struct Stream {
    partition: PartitionId,
    chain: OutcomeChain,
    /// A barrier came back.
    answered: bool,
    gathered: Vec<OutcomeRecord>,
}

impl Follower {
    pub(super) fn new(
        shared: Arc<Shared>,
        producer: CommandProducer,
        outcomes: OutcomeConsumer,
        partitions: &[PartitionId],
    ) -> Self {
        let streams = partitions
            .iter()
            .map(|&partition| Stream {
                partition,
                chain: OutcomeChain::anywhere(),
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
        }
    }

    /// Until it is told to stop or reading cannot go on.
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
                if let Err(why) = stream.take(&outcome, shared) {
                    broken = Some(why);
                }
            })
            .map_err(|error| error.to_string())?;
        for stream in streams.iter_mut() {
            stream.feed(shared);
        }
        if came_round {
            self.tell_serving();
        }
        broken.map_or(Ok(()), Err)
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
                machine_version: MACHINE_VERSION,
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
            // What does not arrive is sent again.
            let sent = self.producer.send(partition, &payload, Box::new(|_| ()));
            if let Err(error) = sent {
                tracing::debug!(%partition, "a barrier was not sent: {error}");
            }
        }
    }
}

impl Stream {
    fn take(&mut self, outcome: &PublishedOutcome<'_>, shared: &Shared) -> Result<(), String> {
        match self.chain.link(outcome.offset, outcome.previous) {
            Link::Seen => return Ok(()),
            Link::New => {}
            Link::Gap { expected, got } => {
                return Err(format!(
                    "outcomes of partition {} are missing: the one of offset {} names {got:?} as the \
                     one before it, and the last one read is {expected:?}",
                    self.partition, outcome.offset
                ));
            }
        }
        let record: OutcomeRecord = codec::decode(outcome.payload).map_err(|error| {
            format!(
                "the outcome of offset {} of partition {} cannot be read: {error}",
                outcome.offset, self.partition
            )
        })?;
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

    fn feed(&mut self, shared: &Shared) {
        if self.gathered.is_empty() {
            return;
        }
        let batch = OutcomeBatch {
            partition: self.partition,
            records: std::mem::take(&mut self.gathered),
        };
        // Nobody may be following.
        let _followers = shared.feed.send(Arc::new(batch));
    }
}
