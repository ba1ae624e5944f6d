//! A gateway as they say they are: results by key for a day, failures included.

use std::collections::BTreeMap;

use onsale_fuzz::Random;
use onsale_schemas::command::Currency;

use crate::saga::refund::{RefundAtGateway, RefundPhase};
use crate::saga::{GatewayState, Phase};

pub(super) const DAY_MS: u64 = 86_400_000;

/// An object of the gateway's.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) payment: usize,
    pub(super) state: GatewayState,
    pub(super) holds_back: bool,
    made_ms: u64,
}

/// What is asked of it.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Create { payment: usize, amount: i64 },
    Read { object: String },
    Find { payment: usize },
    Capture { object: String },
    Cancel { object: String },
    Refund { object: String, amount: i64 },
    ReadRefund { refund: String },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    State(GatewayState),
    Refund(RefundAtGateway),
    NotFound,
    Refused(&'static str),
    Unknown,
    Unavailable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    None,
    /// Done, and nobody hears of it.
    AnswerLost,
    /// Not done, and nobody hears of it.
    RequestLost,
    /// Done in a moment, and nobody hears of it.
    Late,
    /// Answered with 500, which the key remembers; done or not.
    Broken {
        is_done: bool,
    },
    Unavailable,
}

#[derive(Default, Debug)]
pub(super) struct Gateway {
    pub(super) objects: Vec<Object>,
    pub(super) refunds: Vec<(String, RefundAtGateway)>,
    keys: BTreeMap<String, (u64, Answer)>,
    /// On their way, with until when they arrive.
    late: Vec<(String, Ask)>,
    pub(super) habits: Habits,
}

/// What a gateway is like in one world.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Habits {
    /// Some objects are about another sum than was asked for.
    pub(super) is_odd: bool,
    /// One of so many captures is refused.
    pub(super) refuses_one_in: usize,
    /// All money is held back, and that of the first payment cannot be taken; that of others can.
    pub(super) refuses_first: bool,
    /// Whether what was made a moment ago may not be found.
    pub(super) lags: bool,
    /// Whether money may come for what was taken back.
    pub(super) pays_late: bool,
}

impl Gateway {
    pub(super) fn new(habits: Habits) -> Self {
        Self {
            habits,
            ..Self::default()
        }
    }

    /// What net amount lies there.
    pub(super) fn net(&self) -> i64 {
        let net = |object: &Object| object.state.captured - object.state.refunded;
        self.objects.iter().map(net).sum()
    }

    pub(super) fn ask(
        &mut self,
        key: &str,
        ask: &Ask,
        fault: Fault,
        now_ms: u64,
        random: &mut Random,
    ) -> Answer {
        match fault {
            Fault::None => self.by_key(key, ask, now_ms, random),
            Fault::AnswerLost => {
                self.by_key(key, ask, now_ms, random);
                Answer::Unknown
            }
            Fault::RequestLost => Answer::Unknown,
            Fault::Late => {
                self.late.push((key.to_owned(), ask.clone()));
                Answer::Unknown
            }
            Fault::Broken { is_done } => {
                if is_done {
                    self.by_key(key, ask, now_ms, random);
                }
                if !key.is_empty() {
                    self.keys.insert(key.to_owned(), (now_ms, Answer::Unknown));
                }
                Answer::Unknown
            }
            Fault::Unavailable => Answer::Unavailable,
        }
    }

    /// What was on its way arrives.
    pub(super) fn arrive(&mut self, now_ms: u64, random: &mut Random) {
        for (key, ask) in std::mem::take(&mut self.late) {
            self.by_key(&key, &ask, now_ms, random);
        }
    }

    fn by_key(&mut self, key: &str, ask: &Ask, now_ms: u64, random: &mut Random) -> Answer {
        if let Some((at_ms, answer)) = self.keys.get(key)
            && now_ms - at_ms < DAY_MS
        {
            return answer.clone();
        }
        let answer = self.carry_out(key, ask, now_ms, random);
        // Taking back needs no memory, and what cannot be taken or given back now may be possible later.
        let is_kept = match answer {
            Answer::Refused(_) => key.contains(":create"),
            _ => !key.ends_with(":cancel"),
        };
        if is_kept && !key.is_empty() {
            self.keys.insert(key.to_owned(), (now_ms, answer.clone()));
        }
        answer
    }

    fn carry_out(&mut self, key: &str, ask: &Ask, now_ms: u64, random: &mut Random) -> Answer {
        match ask {
            Ask::Create { payment, amount } => {
                if random.below(40) == 0 {
                    return Answer::Refused("method_unavailable");
                }
                let is_odd = self.habits.is_odd && random.below(3) == 0;
                let state = GatewayState {
                    object: format!("pi_{}", self.objects.len()),
                    phase: Phase::AwaitingBuyer,
                    amount: if is_odd { *amount / 2 } else { *amount },
                    currency: Currency(*b"THB"),
                    captured: 0,
                    refunded: 0,
                    failure: None,
                    next_action: Some("{\"kind\":\"redirect\"}".to_owned()),
                };
                self.objects.push(Object {
                    payment: *payment,
                    state,
                    holds_back: self.habits.refuses_first || random.below(2) == 0,
                    made_ms: now_ms,
                });
                let last = self.objects.len() - 1;
                if random.below(2) == 0 {
                    self.buyer_acts(last, random);
                }
                Answer::State(self.objects[last].state.clone())
            }
            Ask::Read { object } => self.read(object),
            Ask::Find { payment } => self
                .objects
                .iter()
                .find(|object| object.payment == *payment)
                .filter(|object| !self.habits.lags || now_ms - object.made_ms > 60_000)
                .map_or(Answer::NotFound, |found| Answer::State(found.state.clone())),
            Ask::Capture { object } => {
                let is_first = self
                    .objects
                    .iter()
                    .any(|of| of.payment == 0 && of.state.object == *object);
                let is_refused = if self.habits.refuses_first {
                    is_first
                } else {
                    random.below(self.habits.refuses_one_in) == 0
                };
                let state = self.state(object);
                match state.phase {
                    Phase::Authorised if is_refused => {
                        return Answer::Refused("card_declined");
                    }
                    Phase::Authorised => {
                        state.phase = Phase::Captured;
                        state.captured = state.amount;
                    }
                    Phase::Captured => {}
                    _ => return Answer::Refused("unexpected_state"),
                }
                Answer::State(state.clone())
            }
            Ask::Cancel { object } => {
                let state = self.state(object);
                if !matches!(state.phase, Phase::Captured | Phase::Processing) {
                    state.phase = Phase::Cancelled;
                    state.next_action = None;
                }
                Answer::State(state.clone())
            }
            Ask::Refund { object, amount } => {
                // Once for its key, however late it is asked again.
                if let Some((_, refund)) = self.refunds.iter().find(|(of, _)| of == key) {
                    return Answer::Refund(refund.clone());
                }
                let phase = match random.below(3) {
                    0 => RefundPhase::Pending,
                    _ => RefundPhase::Done,
                };
                let name = format!("re_{}", self.refunds.len());
                let state = self.state(object);
                if state.captured - state.refunded < *amount || *amount <= 0 {
                    return Answer::Refused("too_much");
                }
                state.refunded += amount;
                let refund = RefundAtGateway {
                    object: name,
                    phase,
                    amount: *amount,
                    currency: state.currency,
                    failure: None,
                };
                self.refunds.push((key.to_owned(), refund.clone()));
                Answer::Refund(refund)
            }
            Ask::ReadRefund { refund } => {
                let found = self.refunds.iter_mut().find(|(_, at)| at.object == *refund);
                let (_, refund) = found.unwrap();
                refund.phase = RefundPhase::Done;
                Answer::Refund(refund.clone())
            }
        }
    }

    fn state(&mut self, object: &str) -> &mut GatewayState {
        let mut states = self.objects.iter_mut().map(|object| &mut object.state);
        states.find(|state| state.object == object).unwrap()
    }

    fn read(&mut self, object: &str) -> Answer {
        Answer::State(self.state(object).clone())
    }

    /// A buyer pays, or tries to; a bank decides.
    pub(super) fn buyer_acts(&mut self, index: usize, random: &mut Random) {
        let Object {
            state, holds_back, ..
        } = &mut self.objects[index];
        match state.phase {
            Phase::AwaitingBuyer | Phase::Processing | Phase::Failed => {}
            Phase::Cancelled if self.habits.pays_late && random.below(20) == 0 => {
                state.phase = Phase::Captured;
                state.captured = state.amount;
                return;
            }
            _ => return,
        }
        state.failure = None;
        state.phase = match random.below(8) {
            0 => Phase::Processing,
            1 => {
                state.failure = Some("card_declined".to_owned());
                Phase::Failed
            }
            _ if *holds_back => Phase::Authorised,
            _ => {
                state.captured = state.amount;
                Phase::Captured
            }
        };
    }

    /// What banks set aside, they let go after days.
    pub(super) fn authorisations_lapse(&mut self) {
        for Object { state, .. } in &mut self.objects {
            if state.phase == Phase::Authorised {
                state.phase = Phase::Cancelled;
            }
        }
    }
}
