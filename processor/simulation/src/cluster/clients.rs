//! Clients that retry. Every answer has to be the outcome of the client's request.

use std::rc::Rc;

use onsale_schemas::{Envelope, OutcomeRecord, RequestId, codec};

use super::events::{Event, Report, Source};
use super::world::{Step, World};

/// How far ahead the log's clock leaps at most to where something ends, in milliseconds.
const LEAP_MAX_MS: u64 = 3 * 86_400_000;
/// How long a client waits for an answer, at least and at most, in milliseconds.
const PATIENCE_MS: (u64, u64) = (800, 3_000);
/// How often that doubles when the client asks again.
const BACK_OFF_MAX: u32 = 4;
const PATIENCE_HEALED_MS: u64 = 4_000;
/// How long a producer waits at most after sending before it gives up, in milliseconds.
const GIVE_UP_MAX_MS: u64 = 2_000;

/// A request of a client.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) partition: usize,
    pub(super) payload: Rc<[u8]>,
    pub(super) request_id: RequestId,
    has_key: bool,
    attempt: u32,
    /// Where it was asked last.
    ingress: Option<usize>,
    /// The ingress learned that it is unknown where its record is, or whether it is in the log.
    pub(super) is_place_unknown: bool,
    /// A record of it came before the rules of its command were in force.
    was_early: bool,
    pub(super) state: State,
    /// Not knowing the outcome would be wrong.
    must_be_answered: bool,
}

/// What a client knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Waiting,
    Answered,
    /// It was answered that its record is certainly not in the log.
    Refused,
    Unknown,
}

impl World {
    /// A client wants something, and the next one will.
    pub(super) fn ask_something(&mut self) -> Step {
        if self.asks_left == 0 {
            return Ok(());
        }
        self.asks_left -= 1;
        self.stats.asked += 1;
        let at_ms = self.now_ms + self.rng.below(2 * self.plan.ask_every_ms);
        self.queue.plan(at_ms, Event::Ask);
        if self.stats.asked.is_multiple_of(1_000) {
            self.check_states()?;
        }
        if self.plan.is_upgraded_running && self.stats.asked == self.upgrade_after {
            self.begin_upgrade();
        }
        let partition = self.rng.index(self.partitions.len());
        let leaps = self.rng.percent(self.plan.leap_percent);
        let at = &mut self.partitions[partition];
        at.workload.set_time(at.clock_ms);
        let record = at.workload.next_record();
        if leaps
            && record.log_time_ms > at.clock_ms
            && record.log_time_ms - at.clock_ms < LEAP_MAX_MS
        {
            at.clock_ms = record.log_time_ms;
            self.stats.log_clock_forward += 1;
        }
        self.ask(partition, record.payload.into(), false);
        Ok(())
    }

    pub(super) fn ask(&mut self, partition: usize, payload: Rc<[u8]>, must_be_answered: bool) {
        let waits = codec::decode::<onsale_schemas::Envelope>(&payload)
            .ok()
            .and_then(waits);
        let Some((request_id, has_key)) = waits else {
            let at_ms = self.now_ms;
            self.send(at_ms, partition, payload, Source::Nobody);
            return;
        };
        self.asked.push(Asked {
            partition,
            payload,
            request_id,
            has_key,
            attempt: 0,
            ingress: None,
            is_place_unknown: false,
            was_early: false,
            state: State::Waiting,
            must_be_answered,
        });
        self.submit(self.asked.len() - 1);
    }

    /// The client asks one of the ingresses.
    fn submit(&mut self, ask: usize) {
        self.asked[ask].attempt += 1;
        let attempt = self.asked[ask].attempt;
        let patience_ms = if self.asked[ask].must_be_answered {
            PATIENCE_HEALED_MS
        } else {
            // Longer each time: clients that all ask again at once would bury the log.
            let once_ms = PATIENCE_MS.0 + self.rng.below(PATIENCE_MS.1 - PATIENCE_MS.0);
            once_ms << attempt.saturating_sub(1).min(BACK_OFF_MAX)
        };
        self.queue
            .plan(self.now_ms + patience_ms, Event::Timeout { ask, attempt });
        let up: Vec<usize> = (0..self.ingresses.len())
            .filter(|&ingress| self.ingresses[ingress].is_up)
            .collect();
        let Some(&ingress) = self.rng.pick(&up) else {
            return;
        };
        let asked = &mut self.asked[ask];
        asked.ingress = Some(ingress);
        asked.is_place_unknown = false;
        let (partition, payload) = (asked.partition, Rc::clone(&asked.payload));
        let Some(asking) = self.await_outcome(ingress, ask) else {
            // Too many requests are waiting there; the client will retry.
            return;
        };
        let at_ms = self.now_ms.max(self.ingresses[ingress].cut_until_ms);
        self.send(at_ms, partition, payload, Source::Ask(asking));
    }

    /// A record is sent to the log, and may get lost or arrive twice.
    pub(super) fn send(&mut self, at_ms: u64, partition: usize, payload: Rc<[u8]>, from: Source) {
        if !self.is_healed {
            if self.rng.percent(self.plan.lost_append_percent) {
                self.stats.lost_appends += 1;
                let report = self.rng.one_of([Report::Unknown, Report::Refused]);
                self.report(at_ms, from, report);
                return;
            }
            if self.rng.percent(self.plan.duplicate_percent) {
                self.stats.duplicates += 1;
                self.send_once(at_ms, partition, Rc::clone(&payload), Source::Nobody);
            }
        }
        self.send_once(at_ms, partition, payload, from);
    }

    fn send_once(&mut self, at_ms: u64, partition: usize, payload: Rc<[u8]>, from: Source) {
        let number = self.partitions[partition].next_sent();
        let event = Event::Append {
            partition,
            number,
            payload,
            from,
        };
        let at_ms = at_ms + self.latency();
        self.queue.plan(at_ms, event);
    }

    /// An ingress will learn the result of a record.
    fn report(&mut self, at_ms: u64, from: Source, report: Report) {
        if let Source::Ask(asking) = from {
            let waits_ms = match report {
                Report::At(_) => 0,
                Report::Unknown | Report::Refused => self.rng.below(GIVE_UP_MAX_MS),
            };
            let at_ms = at_ms + waits_ms + self.latency();
            self.queue.plan(at_ms, Event::Reported { asking, report });
        }
    }

    /// A record has reached the log.
    pub(super) fn append(
        &mut self,
        partition: usize,
        number: u64,
        payload: Rc<[u8]>,
        from: Source,
    ) -> Step {
        if let Source::Processor { node, life } = from
            && self.processors[node].life != life
        {
            return Ok(());
        }
        let to = &mut self.partitions[partition];
        self.stats.overtaken += u64::from(to.is_overtaken(number));
        if self.is_upgraded {
            to.append_unjudged(payload);
            return Ok(());
        }
        let (offset, outcome) = to
            .append(payload)
            .map_err(|why| format!("the model: {why}"))?;
        self.stats.records += 1;
        self.stats.sent_before_barrier += u64::from(to.met_barrier(number));
        if to.truth.newest_is_early() {
            self.stats.too_early += 1;
            if let Source::Ask(asking) = from {
                self.asked[asking.ask].was_early = true;
            }
        }
        let mut stamped_ms = 0;
        if let Some(record) = &outcome {
            self.stats.note(record);
            stamped_ms = record.log_time_ms;
        }
        self.trace
            .note(self.now_ms, "record", partition, offset, stamped_ms);
        let is_lost = !self.is_healed && self.rng.percent(self.plan.lost_ack_percent);
        let report = if is_lost && matches!(from, Source::Ask(_)) {
            self.stats.lost_acks += 1;
            Report::Unknown
        } else {
            Report::At(offset)
        };
        self.report(self.now_ms, from, report);
        Ok(())
    }

    pub(super) fn time_out(&mut self, ask: usize, attempt: u32) -> Step {
        let asked = &mut self.asked[ask];
        if asked.state != State::Waiting || asked.attempt != attempt {
            return Ok(());
        }
        if asked.must_be_answered {
            return Err(format!(
                "liveness: partition {} did not answer a request within {PATIENCE_HEALED_MS} ms \
                 though nothing was wrong",
                asked.partition
            ));
        }
        let ingress = asked.ingress;
        let asks_again = asked.has_key || ingress.is_none();
        if !asks_again {
            asked.state = State::Unknown;
            self.stats.unknown += 1;
        }
        if let Some(ingress) = ingress {
            self.leave(ingress, ask);
        }
        if asks_again {
            self.stats.retries += 1;
            self.submit(ask);
        }
        Ok(())
    }

    /// The client gets an outcome, which has to be that of its request.
    pub(super) fn answer(&mut self, ask: usize, record: &OutcomeRecord) -> Step {
        let asked = &mut self.asked[ask];
        let from = &self.partitions[asked.partition];
        let offset = record.offset;
        // Where its place is unknown, the outcome of another record of the request has to do.
        let is_own = asked.is_place_unknown
            || from
                .entry(offset)
                .is_some_and(|entry| *entry.payload == *asked.payload);
        let is_true = from
            .truth
            .expected(offset)
            .is_some_and(|expected| *expected.record == *record);
        if !is_own || !is_true || record.request_id != Some(asked.request_id) {
            return Err(format!(
                "request {} got the outcome at {offset}, which is of another request",
                asked.request_id
            ));
        }
        if asked.state != State::Waiting {
            return Err(format!("request {} is answered twice", asked.request_id));
        }
        asked.state = State::Answered;
        self.stats.answered += 1;
        self.stats.decided_later += u64::from(asked.was_early);
        self.trace
            .note(self.now_ms, "answer", asked.partition, offset, ask as u64);
        Ok(())
    }

    /// The client learns that its record is not in the log; with a key it asks again in time.
    pub(super) fn refuse(&mut self, ask: usize) {
        self.stats.refused_by_producer += 1;
        let asked = &mut self.asked[ask];
        if !asked.has_key {
            asked.state = State::Refused;
        }
    }
}

/// The request that a client waits for, and whether it has a key. Ids of requests without a key are
/// random, so none looks like one with a key.
fn waits(envelope: Envelope) -> Option<(RequestId, bool)> {
    let id = envelope.request_id?;
    let has_key = envelope.idempotency.is_some();
    (has_key || id.as_bytes()[0] != b'k').then_some((id, has_key))
}
