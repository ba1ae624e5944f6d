//! Workers: each loads a row, does what is due and writes down what it saw, and may be gone after each of these.

use onsale_store::payment::{Payment, PaymentState, Refund, RefundOf, RefundState};

use super::World;
use super::gateway::{Answer, Ask, Fault};
use super::log::{Booking, Command, Outcome};
use crate::saga::refund::{RefundAction, RefundDue, RefundSeen};
use crate::saga::{Action, Due, NOT_FOUND, Seen};

/// A worker at work.
#[derive(Clone, Debug)]
pub(super) enum Flight {
    /// It has loaded a row, and may have seen something.
    Payment {
        index: usize,
        row: Payment,
        seen: Option<Seen>,
    },
    /// It has read the gateway, whatever the row was.
    Webhook { index: usize, seen: Seen },
    Refund {
        index: usize,
        row: Refund,
        seen: Option<RefundSeen>,
    },
}

impl World {
    pub(super) fn work(&mut self) {
        let flights = self.flights.len();
        match self.random.below(8) {
            0 if flights > 0 => {
                let index = self.random.below(flights);
                let killed = self.flights.swap_remove(index);
                self.tell(format!("killed: {}", named(&killed)));
            }
            1 | 2 if flights < 4 => self.load(),
            _ if flights > 0 => {
                let index = self.random.below(flights);
                let flight = self.flights.swap_remove(index);
                self.go_on(flight);
            }
            _ => self.load(),
        }
    }

    /// Who waits for another payment, and the other payment.
    pub(super) fn work_on_the_sale(&mut self) {
        let concerned: Vec<usize> = (0..self.rows.len())
            .filter(|index| {
                let state = self.rows[*index].state;
                state == PaymentState::CaptureFailed || state.is_live()
            })
            .collect();
        if self.flights.len() < 4 && !concerned.is_empty() {
            let index = concerned[self.random.below(concerned.len())];
            let row = self.rows[index].clone();
            let seen = None;
            self.flights.push(Flight::Payment { index, row, seen });
        } else if !self.flights.is_empty() {
            let index = self.random.below(self.flights.len());
            let flight = self.flights.swap_remove(index);
            self.go_on(flight);
        }
    }

    fn load(&mut self) {
        let payments = self.rows.len();
        let all = payments + self.refunds.len();
        if all == 0 {
            return;
        }
        let index = self.random.below(all);
        self.flights.push(if index < payments {
            Flight::Payment {
                index,
                row: self.rows[index].clone(),
                seen: None,
            }
        } else {
            let index = index - payments;
            Flight::Refund {
                index,
                row: self.refunds[index].clone(),
                seen: None,
            }
        });
    }

    fn go_on(&mut self, flight: Flight) {
        match flight {
            Flight::Payment {
                index,
                row,
                seen: None,
            } => {
                if let Some(seen) = self.perform(index, &row) {
                    let seen = Some(seen);
                    self.flights.push(Flight::Payment { index, row, seen });
                }
            }
            Flight::Payment {
                index,
                row,
                seen: Some(seen),
            } => {
                self.written(index, &row, seen);
            }
            Flight::Webhook { index, seen } => self.observed(index, seen),
            Flight::Refund {
                index,
                row,
                seen: None,
            } => {
                if let Some(seen) = self.perform_refund(index, &row) {
                    let seen = Some(seen);
                    self.flights.push(Flight::Refund { index, row, seen });
                }
            }
            Flight::Refund {
                index,
                row,
                seen: Some(seen),
            } => {
                self.refund_written(index, &row, seen);
            }
        }
    }

    /// A notice: the object is read now, and looked at at some time.
    pub(super) fn webhook(&mut self) {
        let objects = self.gateway.objects.len();
        if objects == 0 || !self.has_notices || self.flights.len() > 6 {
            return;
        }
        let index = self.random.below(objects);
        let object = self.gateway.objects[index].clone();
        let row = &self.rows[object.payment];
        let ask = match &row.object {
            Some(object) => Ask::Read {
                object: object.clone(),
            },
            None => Ask::Find {
                payment: object.payment,
            },
        };
        let fault = self.fault();
        let (now_ms, random) = (self.now_ms, &mut self.random);
        let answer = self.gateway.ask("", &ask, fault, now_ms, random);
        let seen = seen(answer);
        let index = object.payment;
        self.tell(format!("a notice about {index} shows {seen:?}"));
        let flight = Flight::Webhook { index, seen };
        if self.random.below(4) == 0 {
            self.flights.push(flight.clone());
        }
        self.flights.push(flight);
    }

    /// A notice that arrives, and whose object is looked at at once.
    pub(super) fn notice_of(&mut self, index: usize) {
        let object = self.gateway.objects[index].clone();
        let seen = Seen::Gateway(object.state);
        self.observed(object.payment, seen);
    }

    fn fault(&mut self) -> Fault {
        if !self.has_faults {
            return Fault::None;
        }
        match self.random.below(16) {
            0 => Fault::AnswerLost,
            1 => Fault::RequestLost,
            2 => Fault::Late,
            3 => Fault::Broken {
                is_done: self.random.below(2) == 0,
            },
            4 | 5 => Fault::Unavailable,
            _ => Fault::None,
        }
    }

    /// Does what is due for a row as it was loaded. `None`: nothing, or it was written down that it is about to be
    /// asked.
    fn perform(&mut self, index: usize, row: &Payment) -> Option<Seen> {
        let Due::Do(action) = (self.saga.decide)(row, &self.terms, self.now_ms) else {
            return None;
        };
        if action == Action::Create && row.asked_at_ms.is_none() {
            if self.rows[index].version == row.version {
                self.rows[index].asked_at_ms = Some(self.now_ms);
                self.rows[index].version += 1;
            }
            return None;
        }
        let seen = match &action {
            Action::Confirm => self.confirm(index)?,
            Action::Extend { by_ms } => {
                let request = format!("{} extend {}", row.id, row.extended_ms);
                let by_ms = u64::from(*by_ms);
                logged(self.ask_log(request, Command::Extend { by_ms }))
            }
            Action::GiveBack => logged(self.ask_log(format!("{} return", row.id), Command::Return)),
            _ => self.at_gateway(index, row, &action),
        };
        self.tell(format!(
            "{index} {:?}: {action:?} shows {seen:?}",
            row.state
        ));
        Some(seen)
    }

    fn at_gateway(&mut self, index: usize, row: &Payment, action: &Action) -> Seen {
        let key = |what| format!("{}:{}", row.id, (self.saga.key)(row, what));
        let found = Ask::Find { payment: index };
        let (key, ask) = match (action, row.object.clone()) {
            (Action::Create, _) => {
                let (payment, amount) = (index, row.amount);
                (key("create"), Ask::Create { payment, amount })
            }
            (Action::Capture, Some(object)) => (key("capture"), Ask::Capture { object }),
            (Action::Cancel, Some(object)) => (key("cancel"), Ask::Cancel { object }),
            (Action::RefundAll { amount }, Some(object)) => {
                let amount = *amount;
                (key("refund:0"), Ask::Refund { object, amount })
            }
            (_, Some(object)) => (String::new(), Ask::Read { object }),
            (_, None) => (String::new(), found),
        };
        let fault = self.fault();
        let (now_ms, random) = (self.now_ms, &mut self.random);
        let mut answer = self.gateway.ask(&key, &ask, fault, now_ms, random);
        if let (Answer::Refund(_), Ask::Refund { object, .. }) = (&answer, ask) {
            let fault = self.fault();
            let (random, ask) = (&mut self.random, Ask::Read { object });
            answer = self.gateway.ask("", &ask, fault, now_ms, random);
        }
        seen(answer)
    }

    /// `None`: the worker is gone between the two.
    fn confirm(&mut self, index: usize) -> Option<Seen> {
        let own = self.rows[index].id.to_string();
        for other in 0..self.rows.len() {
            if other != index && self.rows[other].state == PaymentState::CaptureFailed {
                self.observed(other, Seen::Replaced);
                if self.has_faults && self.random.below(4) == 0 {
                    return None;
                }
            }
        }
        let mut reference = own;
        if let Booking::Confirmed { reference: known } = &self.log.booking {
            let is_replaced = self
                .rows
                .iter()
                .any(|other| other.id.to_string() == *known && (self.saga.leaves_its_sale)(other));
            let goes_back = self
                .rows
                .iter()
                .any(|other| other.state == PaymentState::CaptureFailed);
            if is_replaced && !goes_back {
                reference.clone_from(known);
            }
        }
        let request = format!("{} confirm {reference}", self.rows[index].id);
        Some(logged(
            self.ask_log(request, Command::Confirm { reference }),
        ))
    }

    fn ask_log(&mut self, request: String, command: Command) -> Option<Outcome> {
        let now_ms = self.now_ms;
        match self.random.below(10) {
            0 if self.has_faults => None,
            1 if self.has_faults => {
                self.log.apply(&request, command, now_ms);
                None
            }
            2 if self.has_faults => {
                self.log.later(request, command);
                None
            }
            _ => Some(self.log.apply(&request, command, now_ms)),
        }
    }

    /// Writes down what was seen of a row as it was loaded, if nobody was faster.
    fn written(&mut self, index: usize, before: &Payment, seen: Seen) -> bool {
        let observed = (self.saga.observe)(before, seen, &self.terms, self.now_ms);
        let Some((mut after, moved)) = observed else {
            return false;
        };
        if self.rows[index].version != before.version {
            self.tell(format!("{index}: somebody was faster"));
            return true;
        }
        if !before.state.is_live() && after.state.is_live() {
            self.fails(format!("{:?} becomes {:?}", before.state, after.state));
        }
        if before.state != after.state {
            self.tell(format!(
                "{index}: {:?} -> {:?}, {}",
                before.state, after.state, moved.reason
            ));
        }
        after.version += 1;
        if let Some(posting) = moved.posting {
            let what = &posting.what;
            let is_known = |(of, known): &(_, onsale_store::payment::Posting)| {
                *of == before.id && known.what == *what
            };
            if self.books.iter().any(is_known) {
                self.fails(format!("{what} is in the books already"));
            }
            self.books.push((before.id, posting));
        }
        self.rows[index] = after;
        true
    }

    /// Writes down what was seen, whatever the row is by now.
    pub(super) fn observed(&mut self, index: usize, seen: Seen) {
        let row = self.rows[index].clone();
        self.written(index, &row, seen);
    }

    fn perform_refund(&mut self, index: usize, row: &Refund) -> Option<RefundSeen> {
        let payment = self.rows.iter().find(|of| of.id == row.payment)?.clone();
        let due = (self.saga.decide_refund)(row, &payment, &self.terms, self.now_ms);
        let RefundDue::Do(action) = due else {
            return None;
        };
        let seen = match action {
            RefundAction::GiveBack => {
                let command = match &row.of {
                    RefundOf::Places(places) => Command::ReturnPlaces(places.clone()),
                    _ => Command::Return,
                };
                match self.ask_log(format!("{} return", row.id), command) {
                    None => RefundSeen::LogUnknown,
                    Some(Outcome::NotReturned) => RefundSeen::GiveBackRefused,
                    Some(_) => RefundSeen::GivenBack,
                }
            }
            RefundAction::Refund | RefundAction::Read => {
                let ask = match row.object.clone() {
                    Some(refund) if action == RefundAction::Read => Ask::ReadRefund { refund },
                    _ => Ask::Refund {
                        object: payment.object.clone()?,
                        amount: row.amount,
                    },
                };
                let key = match ask {
                    Ask::ReadRefund { .. } => String::new(),
                    _ => {
                        let what = (self.saga.key)(&payment, "refund");
                        format!("{}:{what}:{}", payment.id, row.number)
                    }
                };
                let fault = self.fault();
                let (now_ms, random) = (self.now_ms, &mut self.random);
                match self.gateway.ask(&key, &ask, fault, now_ms, random) {
                    Answer::Refund(refund) => RefundSeen::Gateway(refund),
                    Answer::Refused(code) => RefundSeen::GatewayRefused {
                        code: code.to_owned(),
                        is_final: true,
                    },
                    Answer::Unavailable => RefundSeen::Unavailable {
                        retry_after_ms: None,
                    },
                    _ => RefundSeen::GatewayUnknown,
                }
            }
        };
        self.tell(format!("refund {index}: {action:?} shows {seen:?}"));
        Some(seen)
    }

    fn refund_written(&mut self, index: usize, before: &Refund, seen: RefundSeen) -> bool {
        let of = self.rows.iter().position(|of| of.id == before.payment);
        let payment = of.unwrap();
        let row = &self.rows[payment];
        let observed = (self.saga.observe_refund)(before, row, seen, &self.terms, self.now_ms);
        let Some((mut after, moved)) = observed else {
            return false;
        };
        if self.refunds[index].version != before.version {
            return true;
        }
        after.version += 1;
        if after.state == RefundState::Done {
            self.rows[payment].refunded += after.amount;
        }
        if let Some(posting) = moved.posting {
            self.books.push((before.id, posting));
        }
        self.refunds[index] = after;
        true
    }

    /// Takes a payment on by one step without faults. Whether anything happened.
    pub(super) fn take_on(&mut self, index: usize) -> bool {
        let row = self.rows[index].clone();
        match self.perform(index, &row) {
            Some(seen) => self.written(index, &row, seen),
            None => self.rows[index].version != row.version,
        }
    }

    pub(super) fn take_refund_on(&mut self, index: usize) -> bool {
        let row = self.refunds[index].clone();
        match self.perform_refund(index, &row) {
            Some(seen) => self.refund_written(index, &row, seen),
            None => false,
        }
    }
}

fn named(flight: &Flight) -> String {
    match flight {
        Flight::Payment { index, row, seen } => format!("{index} {:?} {seen:?}", row.state),
        Flight::Webhook { index, .. } => format!("notice about {index}"),
        Flight::Refund { index, row, seen } => format!("refund {index} {:?} {seen:?}", row.state),
    }
}

/// What a worker makes of an answer of the gateway's.
fn seen(answer: Answer) -> Seen {
    match answer {
        Answer::State(state) => Seen::Gateway(state),
        Answer::Refund(_) | Answer::Unknown => Seen::GatewayUnknown,
        Answer::NotFound => Seen::GatewayRefused {
            code: NOT_FOUND.to_owned(),
            is_final: true,
        },
        Answer::Refused(code) => Seen::GatewayRefused {
            code: code.to_owned(),
            is_final: true,
        },
        Answer::Unavailable => Seen::Unavailable {
            retry_after_ms: None,
        },
    }
}

fn logged(outcome: Option<Outcome>) -> Seen {
    match outcome {
        None => Seen::LogUnknown,
        Some(Outcome::Confirmed) => Seen::Confirmed { at_ms: 1 },
        Some(Outcome::Refused(refusal)) => Seen::ConfirmRefused(refusal),
        Some(Outcome::Extended(hold_ends_ms)) => Seen::Extended { hold_ends_ms },
        Some(Outcome::NotExtended) => Seen::ExtendRefused,
        Some(Outcome::Returned | Outcome::NotReturned) => Seen::GivenBack,
    }
}
