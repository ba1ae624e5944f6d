//! The simulated gateway as a state machine: no clock, no I/O. Whoever drives it passes the time in, and what
//! goes wrong follows from a seed. It behaves as Stripe documents it: statuses, what is refused when, keys.

mod calls;
mod course;
mod saved;

use std::collections::{BTreeMap, HashMap, VecDeque};

use onsale_private::Private;
use onsale_schemas::command::Currency;
use serde::{Deserialize, Serialize};

use super::faults::{Fault, Faults};
use super::keys::{Answer, KEY_MAX_BYTES, Keys};
use super::random::number;
use super::record::{Course, DisputeRecord, Event, Object, Problem, Record, RefundRecord};

pub use saved::{RestoreError, SAVED_MAX, Saved};

/// Most payments that are held: one has about 1 KiB.
pub const PAYMENTS_MAX: usize = 500_000;
/// Most events that wait to be taken; the oldest are lost, as notices may be.
pub const EVENTS_MAX: usize = 20_000;
/// Most refunds of one payment.
const REFUNDS_MAX: usize = 200;
const IDS: u64 = 100;

/// A call, with what it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Makes a payment.
    Create(Box<New>),
    /// Takes what was set aside.
    Capture {
        /// The payment.
        id: String,
        /// How much; `None`: all.
        amount: Option<i64>,
    },
    /// Takes a payment back.
    Cancel {
        /// The payment.
        id: String,
    },
    /// Closes the page of a session.
    Expire {
        /// The session.
        session: String,
    },
    /// Gives money back.
    Refund {
        /// The payment.
        id: String,
        /// How much; `None`: the rest.
        amount: Option<i64>,
        /// What is kept with it.
        metadata: BTreeMap<String, String>,
        /// Whether it says where to ask the buyer for an account, without which PromptPay gives nothing back.
        has_email: bool,
    },
}

/// A payment to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct New {
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: Currency,
    /// How it is paid.
    pub method: String,
    /// Whether the money is set aside first.
    pub holds: bool,
    /// What becomes of it by itself.
    pub course: Course,
    /// What is kept with it.
    pub metadata: BTreeMap<String, String>,
    /// The buyer's address.
    pub email: Option<Private>,
    /// When its maker gives it up, in Unix milliseconds.
    pub expires_at_ms: u64,
    /// The page on which it is paid; `None`: it is paid otherwise.
    pub page: Option<NewPage>,
}

/// The page of a payment to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPage {
    /// Where it sends the buyer who has paid.
    pub success_url: String,
    /// Where it sends one who has not.
    pub cancel_url: String,
    /// When it closes, in Unix seconds.
    pub expires_at_s: u64,
    /// What is kept with it.
    pub metadata: BTreeMap<String, String>,
}

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Performed {
    /// This answer arrives.
    Answered {
        /// The answer.
        answer: Answer,
        /// Whether it was given before under the same key.
        is_replayed: bool,
    },
    /// No answer arrives: nobody but the gateway knows whether it was done.
    Nothing,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Pay,
    Decline,
    Close,
    Dispute,
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    faults: Faults,
    payments: HashMap<String, Record>,
    /// Payments in the order in which they were made.
    order: Vec<String>,
    /// The payment of a session.
    sessions: HashMap<String, String>,
    refunds: HashMap<String, RefundRecord>,
    /// Refunds of a payment, the oldest first.
    refunds_of: HashMap<String, Vec<String>>,
    disputes: HashMap<String, DisputeRecord>,
    events: VecDeque<Event>,
    keys: Keys,
    /// What is due by itself: at which time, in which order, to which payment.
    due: BTreeMap<(u64, u64), (String, Step)>,
    calls: u64,
    ids: u64,
    event_count: u64,
}

impl Machine {
    /// One that holds nothing. Ids follow from the seed as well.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            payments: HashMap::new(),
            order: Vec::new(),
            sessions: HashMap::new(),
            refunds: HashMap::new(),
            refunds_of: HashMap::new(),
            disputes: HashMap::new(),
            events: VecDeque::new(),
            keys: Keys::default(),
            due: BTreeMap::new(),
            calls: 0,
            ids: 0,
            event_count: 0,
        }
    }

    /// Changes what goes wrong from now on; the seed of ids stays.
    pub fn set_faults(&mut self, faults: Faults) {
        let seed = self.faults.seed;
        self.faults = Faults { seed, ..faults };
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Does what is due by itself.
    pub fn advance(&mut self, now_ms: u64) {
        while let Some(entry) = self.due.first_entry() {
            let at_ms = entry.key().0;
            if at_ms > now_ms {
                break;
            }
            let (id, step) = entry.remove();
            match step {
                Step::Pay => self.pay(&id, at_ms),
                Step::Decline => self.decline(&id, at_ms),
                Step::Close => {
                    let _is_closed = self.close(&id, at_ms);
                }
                Step::Dispute => {
                    let _disputed = self.dispute(&id, at_ms);
                }
            }
        }
    }

    /// A call that changes something, once for its key. `asked` is what the key is bound to: the endpoint with
    /// its parameters.
    pub fn perform(
        &mut self,
        key: Option<&str>,
        asked: &str,
        call: &Call,
        now_ms: u64,
    ) -> Performed {
        self.advance(now_ms);
        let fault = self.faults.of_call(self.calls);
        self.calls += 1;
        match fault {
            Some(Fault::LostCall) => return Performed::Nothing,
            Some(Fault::RateLimit) => return answered(Err(rate_limited()), false),
            _ => {}
        }
        if key.is_some_and(|key| key.is_empty() || key.len() > KEY_MAX_BYTES) {
            let said = format!("the idempotency key has to have 1 to {KEY_MAX_BYTES} bytes");
            return answered(Err(Problem::invalid("", said)), false);
        }
        let known = key.and_then(|key| self.keys.answer(key, asked, now_ms));
        let is_replayed = known.is_some();
        let answer = known.unwrap_or_else(|| {
            let answer = match fault {
                Some(Fault::ErrorBefore) => Err(broken()),
                Some(Fault::ErrorAfter) => {
                    let _is_done = self.do_it(call, now_ms);
                    Err(broken())
                }
                _ => self.do_it(call, now_ms),
            };
            if let Some(key) = key {
                self.keys.keep(key, asked, answer.clone(), now_ms);
            }
            answer
        });
        if fault == Some(Fault::LostAnswer) {
            return Performed::Nothing;
        }
        answered(answer, is_replayed)
    }

    /// What befalls a call that reads. Nothing is done and nothing remembered.
    pub fn befalls_read(&mut self, now_ms: u64) -> Option<Performed> {
        self.advance(now_ms);
        let fault = self.faults.of_call(self.calls);
        self.calls += 1;
        Some(match fault? {
            Fault::LostCall | Fault::LostAnswer => Performed::Nothing,
            Fault::RateLimit => answered(Err(rate_limited()), false),
            Fault::ErrorBefore | Fault::ErrorAfter => answered(Err(broken()), false),
        })
    }

    fn do_it(&mut self, call: &Call, now_ms: u64) -> Answer {
        match call {
            Call::Create(new) => self.create(new, now_ms),
            Call::Capture { id, amount } => self.capture(id, *amount, now_ms),
            Call::Cancel { id } => self.cancel(id, now_ms),
            Call::Expire { session } => {
                let id = self.sessions.get(session).cloned();
                let id = id.ok_or_else(|| Problem::missing("checkout.session", session))?;
                self.close(&id, now_ms)
            }
            Call::Refund {
                id,
                amount,
                metadata,
                has_email,
            } => self.refund(id, *amount, (metadata, *has_email), now_ms),
        }
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        let high = number(self.faults.seed, IDS, self.ids);
        let low = number(self.faults.seed, IDS + 1, self.ids);
        format!("{prefix}_sim{high:016x}{low:016x}")
    }

    fn later(&mut self, at_ms: u64, id: &str, step: Step) {
        self.ids += 1;
        self.due.insert((at_ms, self.ids), (id.to_owned(), step));
    }

    fn tell(&mut self, id: &str, kind: &'static str, now_ms: u64) {
        if let Some(record) = self.payments.get(id).cloned() {
            self.push(kind, Object::Payment(record), now_ms);
        }
    }

    fn tell_session(&mut self, id: &str, kind: &'static str, now_ms: u64) {
        if let Some(record) = self.payments.get(id).cloned() {
            self.push(kind, Object::Session(record), now_ms);
        }
    }

    fn push(&mut self, kind: &'static str, object: Object, now_ms: u64) {
        let id = self.new_id("evt");
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            id,
            number: self.event_count,
            kind,
            created_ms: now_ms,
            object,
        });
        self.event_count += 1;
    }

    /// What has happened since it was asked last, the oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// A payment by its own id or that of its session.
    pub fn payment(&self, object: &str) -> Option<&Record> {
        let id = self.sessions.get(object).map_or(object, String::as_str);
        self.payments.get(id)
    }

    /// A refund.
    pub fn refund_of_id(&self, id: &str) -> Option<&RefundRecord> {
        self.refunds.get(id)
    }

    /// A dispute.
    pub fn dispute_of_id(&self, id: &str) -> Option<&DisputeRecord> {
        self.disputes.get(id)
    }

    /// Refunds of a payment, the oldest first.
    pub fn refunds_of(&self, id: &str) -> impl DoubleEndedIterator<Item = &RefundRecord> {
        let ids = self.refunds_of.get(id).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.refunds.get(id))
    }

    /// All payments, in the order in which they were made.
    pub fn payments(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.order.iter().filter_map(|id| self.payments.get(id))
    }

    /// Payments that were made before a payment, or all, the newest first.
    pub fn payments_before(&self, id: Option<&str>) -> impl Iterator<Item = &Record> {
        let end = match id {
            None => self.order.len(),
            Some(id) => self.payment(id).map_or(0, |record| record.number),
        };
        let ids = self.order.get(..end).unwrap_or_default();
        ids.iter().rev().filter_map(|id| self.payments.get(id))
    }

    /// How many payments it holds.
    pub fn payment_count(&self) -> usize {
        self.order.len()
    }

    /// How many answers are remembered by key.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }
}

fn answered(answer: Answer, is_replayed: bool) -> Performed {
    Performed::Answered {
        answer,
        is_replayed,
    }
}

fn rate_limited() -> Problem {
    Problem {
        status: 429,
        ..Problem::invalid("rate_limit", "Too many requests hit the API too quickly.")
    }
}

fn broken() -> Problem {
    Problem {
        status: 500,
        kind: "api_error",
        code: "",
        message: "An unknown error occurred.".to_owned(),
    }
}
