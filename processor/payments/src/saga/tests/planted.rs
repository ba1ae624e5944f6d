//! Known bugs, put in one at a time: histories that do not find them would not find others.

use onsale_store::payment::{Moved, Payment, PaymentState, RefundState};

use super::world::{Saga, World};
use crate::saga::refund::{RefundAction, RefundDue, RefundSeen, decide_refund, observe_refund};
use crate::saga::{Action, ConfirmRefusal, Due, NOT_FOUND, Phase, Seen, Terms, decide, observe};

/// Histories within which a bug is to show.
const HISTORIES: u64 = 20_000;
const STEPS: usize = 600;

type Observed = Option<(Payment, Moved)>;

/// What histories say of a saga, if anything.
fn finds(saga: Saga) -> Option<String> {
    (0..HISTORIES).find_map(|seed| {
        let said = World::new(seed, saga).run(STEPS).err()?;
        said.lines()
            .next()
            .map(|wrong| format!("seed {seed}: {wrong}"))
    })
}

/// A bug in what is seen.
fn observing(observe: fn(&Payment, Seen, &Terms, u64) -> Observed) -> Saga {
    Saga {
        observe,
        ..Saga::default()
    }
}

/// A bug in what is due.
fn deciding(decide: fn(&Payment, &Terms, u64) -> Due) -> Saga {
    Saga {
        decide,
        ..Saga::default()
    }
}

fn phase(seen: &Seen) -> Option<Phase> {
    match seen {
        Seen::Gateway(state) => Some(state.phase),
        _ => None,
    }
}

fn in_state(payment: &Payment, state: PaymentState, now_ms: u64) -> Observed {
    let moved = Moved {
        reason: "a bug".to_owned(),
        posting: None,
        event: None,
    };
    let wake_at_ms = (!state.is_final()).then_some(now_ms);
    let row = Payment {
        state,
        tries: 0,
        wake_at_ms,
        ..payment.clone()
    };
    Some((row, moved))
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn bugs() -> Vec<(&'static str, Saga)> {
    use PaymentState as State;

    vec![
        (
            "a new key for each try",
            Saga {
                key: |payment, what| format!("{what}:{}", payment.tries),
                ..Saga::default()
            },
        ),
        (
            "a key that the gateway has forgotten",
            deciding(|payment, terms, now_ms| {
                let due = decide(payment, terms, now_ms);
                let is_unmade = payment.state == State::Pending && payment.asked_at_ms.is_some();
                match due {
                    Due::Do(Action::Read) if is_unmade => Due::Do(Action::Create),
                    due => due,
                }
            }),
        ),
        (
            "no answer to making it is a failure",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Pending, Seen::GatewayUnknown) => {
                        in_state(payment, State::Failed, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "what is not found yet was never made",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Pending, Seen::GatewayRefused { code, .. }) if code == NOT_FOUND => {
                        in_state(payment, State::Failed, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "a payment that is over is deaf to money",
            observing(|payment, seen, terms, now_ms| {
                let is_over = matches!(payment.state, State::Failed | State::TimedOut);
                if is_over && phase(&seen) == Some(Phase::Captured) {
                    return None;
                }
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "what is set aside for a payment that is over stays so",
            deciding(|payment, terms, now_ms| match payment.state {
                State::Failed | State::TimedOut => Due::Over,
                _ => decide(payment, terms, now_ms),
            }),
        ),
        (
            "taken back although it was paid",
            observing(|payment, seen, terms, now_ms| {
                let is_paid = phase(&seen) == Some(Phase::Captured);
                if payment.state == State::Cancelling && is_paid {
                    return in_state(payment, State::TimedOut, now_ms);
                }
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "a declined card ends it while the buyer can still pay",
            observing(|payment, seen, terms, now_ms| {
                let is_waiting = payment.state == State::AwaitingBuyer;
                if is_waiting && phase(&seen) == Some(Phase::Failed) {
                    return in_state(payment, State::Failed, now_ms);
                }
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "money is enough, whatever the log says",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Paid, Seen::ConfirmRefused(_)) => {
                        observe(payment, Seen::Confirmed { at_ms: 1 }, terms, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "money that bought nothing is kept",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Paid, Seen::ConfirmRefused(_)) => {
                        in_state(payment, State::Failed, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "no answer of the log is a refusal",
            observing(|payment, seen, terms, now_ms| {
                let is_asked = matches!(payment.state, State::Authorised | State::Paid);
                let seen = match seen {
                    Seen::LogUnknown if is_asked => Seen::ConfirmRefused(ConfirmRefusal::Expired),
                    seen => seen,
                };
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "the buyer cancels while the log is asked",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Authorised, Seen::CancelAsked) => {
                        in_state(payment, State::Cancelling, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "what was set aside is gone while the log is asked",
            observing(|payment, seen, terms, now_ms| {
                let is_gone = phase(&seen) == Some(Phase::Cancelled);
                if payment.state == State::Authorised && is_gone {
                    return in_state(payment, State::Failed, now_ms);
                }
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "sold before the money is taken",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Authorised, Seen::Confirmed { .. }) => {
                        in_state(payment, State::Succeeded, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "no answer to taking it is success",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Capturing, Seen::GatewayUnknown) => {
                        in_state(payment, State::Succeeded, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "what could not be taken stays set aside",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Capturing, Seen::GatewayRefused { .. }) => {
                        in_state(payment, State::CaptureFailed, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "places that nobody paid for stay sold",
            deciding(|payment, terms, now_ms| match payment.state {
                State::CaptureFailed => Due::Over,
                _ => decide(payment, terms, now_ms),
            }),
        ),
        (
            "places go back while another payment takes the place of this one",
            deciding(|payment, terms, now_ms| {
                let due = decide(payment, terms, now_ms);
                match due {
                    Due::Do(Action::Read) if payment.state == State::CaptureFailed => {
                        Due::Do(Action::GiveBack)
                    }
                    due => due,
                }
            }),
        ),
        (
            "another payment takes the place of one whose places go back",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::CaptureFailed, Seen::Replaced) => {
                        in_state(payment, State::Failed, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "money that comes late takes a sale back that was left",
            Saga {
                leaves_its_sale: |other| other.state == State::Failed && other.captured == 0,
                ..Saga::default()
            },
        ),
        (
            "another sum is as good",
            observing(|payment, seen, terms, now_ms| {
                let seen = match seen {
                    Seen::Gateway(mut state) => {
                        state.amount = payment.amount;
                        state.captured = if state.captured > 0 {
                            payment.amount
                        } else {
                            0
                        };
                        Seen::Gateway(state)
                    }
                    seen => seen,
                };
                observe(payment, seen, terms, now_ms)
            }),
        ),
        (
            "a refund that was asked for is done",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Refunding, Seen::GatewayUnknown) => {
                        in_state(payment, State::Refunded, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "the books forget a sale",
            observing(|payment, seen, terms, now_ms| {
                let (row, mut moved) = observe(payment, seen, terms, now_ms)?;
                if payment.state == State::Paid {
                    moved.posting = None;
                }
                Some((row, moved))
            }),
        ),
        (
            "a failure brings a payment back to life",
            observing(
                |payment, seen, terms, now_ms| match (payment.state, &seen) {
                    (State::Refunding, Seen::GatewayRefused { .. }) => {
                        in_state(payment, State::NeedsOperator, now_ms)
                    }
                    (State::TimedOut, Seen::Gateway(_)) => {
                        in_state(payment, State::Cancelling, now_ms)
                    }
                    _ => observe(payment, seen, terms, now_ms),
                },
            ),
        ),
        (
            "money goes back before the places",
            Saga {
                decide_refund: |refund, payment, terms, now_ms| {
                    let due = decide_refund(refund, payment, terms, now_ms);
                    match due {
                        RefundDue::Do(RefundAction::GiveBack) if refund.amount > 0 => {
                            RefundDue::Do(RefundAction::Refund)
                        }
                        due => due,
                    }
                },
                ..Saga::default()
            },
        ),
        (
            "a refund is done before the gateway has done it",
            Saga {
                observe_refund: |refund, payment, seen, terms, now_ms| {
                    let is_unknown = seen == RefundSeen::GatewayUnknown;
                    let observed = observe_refund(refund, payment, seen, terms, now_ms);
                    observed.map(|(mut row, moved)| {
                        if is_unknown && refund.state == RefundState::Processing {
                            row.state = RefundState::Done;
                        }
                        (row, moved)
                    })
                },
                ..Saga::default()
            },
        ),
    ]
}

#[test]
fn each_of_them_is_found() {
    let missed: Vec<&str> = bugs()
        .into_iter()
        .filter_map(|(bug, saga)| {
            let found = finds(saga);
            println!("{bug}: {found:?}");
            found.is_none().then_some(bug)
        })
        .collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
