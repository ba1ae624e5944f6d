//! Ingresses: matching outcomes to waiting requests is the real code ([`Waiters`]); simulated are
//! its clock, its producer's reports and its connection to the topic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_log::commands::{Reply, SubmitError};
use onsale_log::waiters::{WaiterId, Waiters};
use onsale_schemas::RequestId;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::events::{Asking, Event, Report};
use super::topic_reader::TopicReader;
use super::world::{Step, World};

/// Messages that an ingress reads per poll.
const MESSAGES_PER_POLL: usize = 64;
/// Requests that may wait at one ingress.
const PENDING_MAX: usize = 2_048;
/// How often an ingress forgets requests that have waited too long, in milliseconds, and how long
/// that is.
const FORGET_EVERY_MS: u64 = 1_000;
const FORGET_AFTER: Duration = Duration::from_secs(30);

/// An ingress.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) life: u64,
    pub(super) is_up: bool,
    pub(super) cut_until_ms: u64,
    readers: Vec<TopicReader>,
    pending: Waiters,
    forgot_ms: u64,
    /// The origin of all its times; only differences count.
    clock: Instant,
    /// Clients by what they asked for.
    clients: BTreeMap<(usize, RequestId), Vec<Client>>,
}

/// A client that waits.
#[derive(Debug)]
struct Client {
    ask: usize,
    reply: oneshot::Receiver<Reply>,
}

impl Default for Ingress {
    fn default() -> Self {
        Self {
            life: 0,
            is_up: false,
            cut_until_ms: 0,
            readers: Vec::new(),
            pending: Waiters::new(PENDING_MAX),
            forgot_ms: 0,
            clock: Instant::now(),
            clients: BTreeMap::new(),
        }
    }
}

impl Ingress {
    fn at(&self, now_ms: u64) -> Instant {
        self.clock + Duration::from_millis(now_ms)
    }

    /// The replies to those who asked for this.
    fn replies(&mut self, asked: (usize, RequestId)) -> Vec<(usize, Reply)> {
        let Some(clients) = self.clients.get_mut(&asked) else {
            return Vec::new();
        };
        let mut replies = Vec::new();
        clients.retain_mut(|client| match client.reply.try_recv() {
            Ok(reply) => {
                replies.push((client.ask, reply));
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Closed) => false,
        });
        if clients.is_empty() {
            self.clients.remove(&asked);
        }
        replies
    }
}

impl World {
    /// A client waits at an ingress; `None` when too many do.
    pub(super) fn await_outcome(&mut self, ingress: usize, ask: usize) -> Option<Asking> {
        let (partition, request) = (self.asked[ask].partition, self.asked[ask].request_id);
        let id = self.partitions[partition].id;
        let to = &mut self.ingresses[ingress];
        let (sender, reply) = oneshot::channel();
        let now = to.at(self.now_ms);
        let waiter_id: WaiterId = to.pending.add(id, request, sender, now)?;
        let clients = to.clients.entry((partition, request)).or_default();
        clients.push(Client { ask, reply });
        Some(Asking {
            ask,
            ingress,
            life: to.life,
            waiter_id,
        })
    }

    /// A client waits no longer.
    pub(super) fn leave(&mut self, ingress: usize, ask: usize) {
        let asked = (self.asked[ask].partition, self.asked[ask].request_id);
        let clients = &mut self.ingresses[ingress].clients;
        if let Some(waiting) = clients.get_mut(&asked) {
            waiting.retain(|client| client.ask != ask);
            if waiting.is_empty() {
                clients.remove(&asked);
            }
        }
    }

    /// The producer of an ingress reports the result of a record; the outcome may have arrived
    /// earlier.
    pub(super) fn reported(&mut self, asking: Asking, report: Report) -> Step {
        let at = &mut self.ingresses[asking.ingress];
        if at.life != asking.life {
            return Ok(());
        }
        match report {
            Report::At(offset) => at.pending.reported(asking.waiter_id, Some(offset)),
            Report::Unknown => at.pending.reported(asking.waiter_id, None),
            Report::Refused => at
                .pending
                .refused(asking.waiter_id, SubmitError::Unavailable),
        }
        let asked = &mut self.asked[asking.ask];
        asked.is_place_unknown |= report == Report::Unknown;
        let asked = (asked.partition, asked.request_id);
        self.hand_out(asking.ingress, asked)
    }

    /// Clients get the replies that are there.
    fn hand_out(&mut self, ingress: usize, asked: (usize, RequestId)) -> Step {
        for (ask, reply) in self.ingresses[ingress].replies(asked) {
            match reply {
                Ok(record) => self.answer(ask, &record)?,
                Err(_) => self.refuse(ask),
            }
        }
        Ok(())
    }

    pub(super) fn start_ingress(&mut self, ingress: usize) {
        let at = &mut self.ingresses[ingress];
        if at.is_up {
            return;
        }
        at.is_up = true;
        at.readers = self.partitions.iter().map(TopicReader::at_tail).collect();
        let life = at.life;
        self.queue
            .plan(self.now_ms + 1, Event::PollIngress { ingress, life });
    }

    pub(super) fn kill_ingress(&mut self, ingress: usize) {
        let at = &mut self.ingresses[ingress];
        at.life += 1;
        at.is_up = false;
        at.pending.clear();
        at.clients.clear();
        self.stats.readers_killed += 1;
        let at_ms = self.now_ms + 20 + self.rng.below(1_500);
        self.queue.plan(at_ms, Event::StartIngress { ingress });
    }

    pub(super) fn poll_ingress(&mut self, ingress: usize, life: u64) -> Step {
        let at = &mut self.ingresses[ingress];
        if !at.is_up || at.life != life {
            return Ok(());
        }
        let mut touched = Vec::new();
        if at.cut_until_ms <= self.now_ms {
            for (partition, reader) in at.readers.iter_mut().enumerate() {
                let from = &self.partitions[partition];
                for record in reader.read(from, MESSAGES_PER_POLL)? {
                    at.pending.outcome(from.id, &record);
                    touched.extend(record.request_id.map(|request| (partition, request)));
                }
            }
        }
        if at.forgot_ms + FORGET_EVERY_MS <= self.now_ms {
            at.forgot_ms = self.now_ms;
            let now = at.at(self.now_ms);
            at.pending.forget(now, FORGET_AFTER);
        }
        for asked in touched {
            self.hand_out(ingress, asked)?;
        }
        let at_ms = self.now_ms + 1 + self.rng.below(self.plan.poll_max_ms);
        self.queue.plan(at_ms, Event::PollIngress { ingress, life });
        Ok(())
    }
}
