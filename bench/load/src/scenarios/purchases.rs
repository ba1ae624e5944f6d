//! Whole purchases: a buyer reserves, pays by the simulated gateway, and follows the payment until it is over.

use std::collections::VecDeque;

use super::{CAPACITY_LARGE, SHOWS_SPREAD, body};
use crate::answer::Answer;
use crate::draft::{Draft, Op, Who};
use crate::scenario::{Finding, Scenario, Stage};
use crate::world::WorldSize;

/// Payments that are followed at a time; further ones go on unseen.
const FOLLOWED_MAX: usize = 100_000;
/// Every request in so many begins a purchase; the others are the next steps of those that have begun. A purchase is
/// a reservation, a payment and a read, and another read where it took longer.
const BEGINS_EVERY: u64 = 3;

pub(crate) fn world_size() -> WorldSize {
    WorldSize::general(SHOWS_SPREAD, CAPACITY_LARGE)
}

/// What a buyer does next.
enum Step {
    Pay { booking: String, who: Who },
    Follow { payment: String, who: Who },
}

pub(crate) struct Purchases {
    stage: Stage,
    steps: VecDeque<Step>,
    /// Which request it is, from 1.
    turn: u64,
    succeeded: u64,
    failed: u64,
    example: Option<String>,
}

impl Purchases {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            steps: VecDeque::new(),
            turn: 0,
            succeeded: 0,
            failed: 0,
            example: None,
        }
    }

    /// Takes note of where a payment stands; goes on where it is not over.
    fn stands(&mut self, payment: &str, status: Option<&str>, who: Who) {
        match status {
            Some("succeeded") => self.succeeded = self.succeeded.wrapping_add(1),
            Some("pending" | "processing") => {
                if self.steps.len() < FOLLOWED_MAX {
                    let payment = payment.to_owned();
                    self.steps.push_back(Step::Follow { payment, who });
                }
            }
            other => self.fails(|| format!("payment {payment} is {other:?}")),
        }
    }

    fn fails(&mut self, example: impl FnOnce() -> String) {
        self.failed = self.failed.wrapping_add(1);
        self.example.get_or_insert_with(example);
    }
}

impl Scenario for Purchases {
    fn next(&mut self, draft: &mut Draft) {
        self.turn = self.turn.wrapping_add(1);
        if !self.turn.is_multiple_of(BEGINS_EVERY)
            && let Some(step) = self.steps.pop_front()
        {
            match step {
                Step::Pay { booking, who } => body::pay(draft, who, &booking),
                Step::Follow { payment, who } => body::follow(draft, who, &payment),
            }
            return;
        }
        let who = self.stage.user();
        let number = usize::try_from(self.stage.number()).unwrap_or(0);
        let shows = &self.stage.world.shows;
        let Some(show) = shows.get(number % shows.len().max(1)) else {
            return;
        };
        if let Some(zone) = show.general() {
            body::reserve_quantity(draft, who, show, zone, 2);
        }
    }

    fn answered(&mut self, draft: &Draft, answer: Option<&Answer<'_>>) {
        let Some(answer) = answer else { return };
        match (draft.op, answer.status) {
            (Op::Reserve, 201) if self.steps.len() < FOLLOWED_MAX => {
                if let Some(booking) = answer.text("booking_id") {
                    let booking = booking.to_owned();
                    let who = draft.who;
                    self.steps.push_back(Step::Pay { booking, who });
                }
            }
            (Op::Pay, 201) | (Op::Follow, 200) => {
                if let Some(payment) = answer.text("payment_id") {
                    self.stands(payment, answer.text("status"), draft.who);
                }
            }
            // Turned away for a moment: the report counts those by themselves.
            (Op::Pay | Op::Follow, status) if !matches!(status, 202 | 429 | 503) => {
                self.fails(|| format!("{} was answered with {status}", draft.path));
            }
            _ => {}
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        vec![Finding {
            promise: "payments that come to an end have succeeded",
            looked: self.succeeded.wrapping_add(self.failed),
            broken: self.failed,
            example: self.example.take(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::testing;

    fn answer(status: u16, body: &[u8]) -> Answer<'_> {
        Answer {
            status,
            body,
            retry_after: false,
            replayed: false,
            close: false,
        }
    }

    #[test]
    fn a_purchase_goes_from_the_reservation_to_the_payment_that_is_over() {
        let mut purchases = Purchases::new(testing::stage(&world_size(), 0, 1));
        let mut seen = [0u32; 3];
        for _ in 0..900 {
            let mut draft = Draft::default();
            purchases.next(&mut draft);
            let body: &[u8] = match draft.op {
                Op::Reserve => {
                    seen[0] += 1;
                    br#"{"booking_id":"b-1","status":"reserved"}"#
                }
                Op::Pay => {
                    seen[1] += 1;
                    assert_eq!(draft.path, "/api/v1/payments");
                    assert_eq!(draft.body, r#"{"booking_id":"b-1","method":"sim_card"}"#);
                    assert!(matches!(draft.who, Who::User(_)));
                    br#"{"payment_id":"p-1","status":"processing"}"#
                }
                Op::Follow => {
                    seen[2] += 1;
                    assert_eq!(draft.path, "/api/v1/payments/p-1");
                    br#"{"payment_id":"p-1","status":"succeeded"}"#
                }
                op => panic!("expected a step of a purchase, found {op:?}"),
            };
            let status = if draft.op == Op::Follow { 200 } else { 201 };
            purchases.answered(&draft, Some(&answer(status, body)));
        }
        assert!(seen.iter().all(|count| *count >= 290), "{seen:?}");
        let findings = purchases.findings();
        assert_eq!(findings[0].looked, u64::from(seen[2]));
        assert_eq!(findings[0].broken, 0);
    }

    #[test]
    fn what_does_not_succeed_is_found() {
        let mut draft = Draft::default();
        for (op, status, body, broken) in [
            (Op::Pay, 402, "{}", 1),
            (Op::Pay, 503, "{}", 0),
            (
                Op::Follow,
                200,
                r#"{"payment_id":"p-1","status":"timed_out"}"#,
                1,
            ),
            (
                Op::Follow,
                200,
                r#"{"payment_id":"p-1","status":"pending"}"#,
                0,
            ),
        ] {
            let mut purchases = Purchases::new(testing::stage(&world_size(), 0, 1));
            draft.op = op;
            purchases.answered(&draft, Some(&answer(status, body.as_bytes())));
            let found = purchases.findings();
            assert_eq!(found[0].broken, broken, "{op:?} {status} {body}: {found:?}");
            assert_eq!(found[0].example.is_some(), broken > 0, "{found:?}");
        }
    }
}
