//! What dies or fails, and what happens then: the table of the platform's design, line by line.

mod beside;

use onsale_schemas::command::Currency;
use onsale_store::payment::{Account, Moved, Payment, PaymentState, Posting};

use super::world::{PRICE, START_MS, opened};
use crate::saga::{
    Action, ConfirmRefusal, Due, GatewayState, KEY_MS, NOT_FOUND, Phase, Seen, Terms, decide,
    observe,
};

const HOLD_ENDS_MS: u64 = START_MS + 600_000;

fn terms() -> Terms {
    Terms::default()
}

/// A payment that the gateway is about to be asked for.
fn asked() -> Payment {
    Payment {
        asked_at_ms: Some(START_MS),
        ..opened(1, PRICE, HOLD_ENDS_MS, START_MS)
    }
}

/// A payment in a state that the gateway knows.
fn known(state: PaymentState) -> Payment {
    Payment {
        state,
        object: Some("pi_1".to_owned()),
        ..asked()
    }
}

/// One whose money has come.
fn paid() -> Payment {
    Payment {
        captured: PRICE,
        ..known(PaymentState::Paid)
    }
}

fn at_gateway(phase: Phase) -> GatewayState {
    GatewayState {
        object: "pi_1".to_owned(),
        phase,
        amount: PRICE,
        currency: Currency(*b"THB"),
        captured: if phase == Phase::Captured { PRICE } else { 0 },
        refunded: 0,
        failure: None,
        next_action: None,
    }
}

fn is(phase: Phase) -> Seen {
    Seen::Gateway(at_gateway(phase))
}

fn refused(code: &str) -> Seen {
    Seen::GatewayRefused {
        code: code.to_owned(),
        is_final: true,
    }
}

fn due(payment: &Payment, now_ms: u64) -> Due {
    decide(payment, &terms(), now_ms)
}

fn moved(payment: &Payment, seen: Seen, now_ms: u64) -> (Payment, Moved) {
    observe(payment, seen, &terms(), now_ms).unwrap()
}

fn after(payment: &Payment, seen: Seen, now_ms: u64) -> Payment {
    moved(payment, seen, now_ms).0
}

/// The row when the pause after a failure is over.
fn rested(payment: &Payment) -> u64 {
    payment.wake_at_ms.unwrap()
}

#[test]
fn dies_before_the_create_call() {
    let payment = opened(1, PRICE, HOLD_ENDS_MS, START_MS);
    assert_eq!(due(&payment, START_MS), Due::Do(Action::Create));
    // Also an hour later, when nobody was asked: it is over, whatever the look at the gateway shows.
    let late_ms = START_MS + 3_600_000;
    assert_eq!(due(&payment, late_ms), Due::Do(Action::Read));
    for seen in [refused(NOT_FOUND), Seen::GatewayUnknown] {
        let payment = after(&payment, seen, late_ms);
        assert_eq!(payment.state, PaymentState::TimedOut);
        assert_eq!(due(&payment, late_ms), Due::Over);
    }
}

#[test]
fn created_and_the_id_is_not_saved() {
    let payment = asked();
    assert_eq!(due(&payment, START_MS + 5_000), Due::Do(Action::Create));
    let again = after(&payment, Seen::GatewayUnknown, START_MS + 5_000);
    assert_eq!(again.state, PaymentState::Pending);
    assert_eq!(due(&again, rested(&again)), Due::Do(Action::Create));
    // What is not found yet may be on its way.
    let again = after(&payment, refused(NOT_FOUND), START_MS + 5_000);
    assert_eq!(again.state, PaymentState::Pending);
    // The key may be forgotten: it is found, or never was.
    let old_ms = START_MS + KEY_MS;
    assert_eq!(due(&payment, old_ms - 1), Due::Do(Action::Create));
    assert_eq!(due(&payment, old_ms), Due::Do(Action::Read));
    let found = after(&payment, is(Phase::AwaitingBuyer), old_ms);
    assert_eq!(found.object.as_deref(), Some("pi_1"));
    assert_eq!(due(&found, old_ms), Due::Do(Action::Cancel));
    let never = after(&payment, refused(NOT_FOUND), old_ms);
    assert_eq!(never.state, PaymentState::TimedOut);
}

#[test]
fn the_buyer_pays_while_nobody_looks() {
    let payment = after(&asked(), is(Phase::AwaitingBuyer), START_MS);
    assert_eq!(payment.state, PaymentState::AwaitingBuyer);
    let until_ms = START_MS + terms().poll_ms;
    assert_eq!(due(&payment, START_MS), Due::Wait { until_ms });
    assert_eq!(due(&payment, until_ms), Due::Do(Action::Read));
    for (phase, becomes) in [
        (Phase::Authorised, PaymentState::Authorised),
        (Phase::Captured, PaymentState::Paid),
    ] {
        let payment = after(&payment, is(phase), until_ms);
        assert_eq!(payment.state, becomes);
        assert_eq!(due(&payment, until_ms), Due::Do(Action::Confirm));
    }
}

#[test]
fn notices_come_twice_and_late_and_out_of_order() {
    let payment = after(
        &known(PaymentState::AwaitingBuyer),
        is(Phase::Captured),
        START_MS,
    );
    for phase in [
        Phase::Captured,
        Phase::AwaitingBuyer,
        Phase::Processing,
        Phase::Authorised,
        Phase::Failed,
    ] {
        assert_eq!(observe(&payment, is(phase), &terms(), START_MS), None);
    }
    let done = after(&payment, Seen::Confirmed { at_ms: START_MS }, START_MS);
    assert_eq!(done.state, PaymentState::Succeeded);
    for seen in [
        is(Phase::AwaitingBuyer),
        is(Phase::Captured),
        Seen::Confirmed { at_ms: START_MS },
        Seen::ConfirmRefused(ConfirmRefusal::Expired),
        Seen::CancelAsked,
        Seen::GatewayUnknown,
    ] {
        assert_eq!(observe(&done, seen, &terms(), START_MS), None);
    }
    // Another object is none of this payment's.
    let mut other = at_gateway(Phase::Captured);
    other.object = "pi_2".to_owned();
    let waiting = known(PaymentState::AwaitingBuyer);
    assert_eq!(
        observe(&waiting, Seen::Gateway(other), &terms(), START_MS),
        None
    );
}

#[test]
fn confirmed_and_the_row_is_not_written() {
    for payment in [known(PaymentState::Authorised), paid()] {
        let mut row = payment.clone();
        // However often nobody answers, and whatever else is seen meanwhile, the log is asked again.
        for _ in 0..20 {
            row = after(&row, Seen::LogUnknown, rested(&row).max(START_MS));
            assert_eq!(due(&row, rested(&row)), Due::Do(Action::Confirm));
            for seen in [
                Seen::CancelAsked,
                is(Phase::Cancelled),
                Seen::GatewayUnknown,
            ] {
                assert_eq!(observe(&row, seen, &terms(), START_MS), None);
            }
        }
        let late_ms = START_MS + 30 * 3_600_000;
        let sold = after(&row, Seen::Confirmed { at_ms: START_MS }, late_ms);
        assert!(matches!(
            sold.state,
            PaymentState::Capturing | PaymentState::Succeeded
        ));
    }
}

#[test]
fn the_log_says_that_the_hold_ran_out() {
    let expired = || Seen::ConfirmRefused(ConfirmRefusal::Expired);
    let let_go = after(&known(PaymentState::Authorised), expired(), START_MS);
    assert_eq!(due(&let_go, START_MS), Due::Do(Action::Cancel));
    let over = after(&let_go, is(Phase::Cancelled), START_MS);
    assert_eq!(over.state, PaymentState::Failed);
    assert_eq!(over.failure.as_deref(), Some("reservation_expired"));

    let goes_back = after(&paid(), expired(), START_MS);
    assert!(!goes_back.state.is_live());
    let amount = PRICE;
    assert_eq!(
        due(&goes_back, START_MS),
        Due::Do(Action::RefundAll { amount })
    );
    let mut back = at_gateway(Phase::Captured);
    back.refunded = PRICE;
    let (back, booked) = moved(&goes_back, Seen::Gateway(back), START_MS);
    assert_eq!((back.state, back.refunded), (PaymentState::Refunded, PRICE));
    let posting = Posting::new("refund:0", Account::OwedToBuyers, Account::Gateway, PRICE);
    assert_eq!(booked.posting, Some(posting));
    assert_eq!(booked.event, Some("payment.refunded"));
}

#[test]
fn captured_and_the_answer_is_lost() {
    let payment = known(PaymentState::Capturing);
    assert_eq!(due(&payment, START_MS), Due::Do(Action::Capture));
    let mut row = payment;
    let mut asked = Vec::new();
    for _ in 0..6 {
        row = after(&row, Seen::GatewayUnknown, START_MS);
        asked.push(due(&row, rested(&row)));
    }
    assert_eq!(asked[0], Due::Do(Action::Capture));
    assert!(asked.contains(&Due::Do(Action::Read)), "{asked:?}");
    let (done, booked) = moved(&row, is(Phase::Captured), START_MS);
    assert_eq!(
        (done.state, done.captured),
        (PaymentState::Succeeded, PRICE)
    );
    let posting = Posting::new("capture", Account::Gateway, Account::Sales, PRICE);
    assert_eq!(booked.posting, Some(posting));
    assert_eq!(booked.event, Some("payment.success"));
}

#[test]
fn the_capture_is_refused() {
    let payment = known(PaymentState::Capturing);
    let let_go = after(&payment, refused("card_declined"), START_MS);
    // It is let go first: then it is certain that it was not taken.
    assert_eq!(due(&let_go, START_MS), Due::Do(Action::Cancel));
    let taken = after(&let_go, is(Phase::Captured), START_MS);
    assert_eq!(
        (taken.state, taken.failure),
        (PaymentState::Succeeded, None)
    );

    let failed = after(&let_go, is(Phase::Cancelled), START_MS);
    assert_eq!(failed.state, PaymentState::CaptureFailed);
    assert_eq!(failed.failure.as_deref(), Some("card_declined"));
    assert!(!failed.state.is_live());
    let until_ms = START_MS + terms().capture_grace_ms;
    assert_eq!(due(&failed, START_MS), Due::Wait { until_ms });
    assert_eq!(observe(&failed, Seen::GivenBack, &terms(), START_MS), None);

    // Another payment takes its place …
    let replaced = after(&failed, Seen::Replaced, START_MS);
    assert_eq!(replaced.state, PaymentState::Failed);
    assert_eq!(due(&replaced, until_ms), Due::Over);
    // … or nobody pays. From then on it is too late for another one.
    assert_eq!(due(&failed, until_ms), Due::Do(Action::Read));
    let goes_back = after(&failed, Seen::GatewayUnknown, until_ms);
    assert_eq!(due(&goes_back, until_ms), Due::Do(Action::GiveBack));
    assert_eq!(
        observe(&goes_back, Seen::Replaced, &terms(), until_ms),
        None
    );
    let again = after(&goes_back, Seen::LogUnknown, until_ms);
    assert_eq!(due(&again, rested(&again)), Due::Do(Action::GiveBack));
    let over = after(&again, Seen::GivenBack, until_ms);
    assert_eq!(over.state, PaymentState::Failed);
    assert_eq!(due(&over, until_ms), Due::Over);
    // The buyer need not wait for it.
    let given_up = after(&failed, Seen::CancelAsked, START_MS);
    assert_eq!(due(&given_up, START_MS), Due::Do(Action::GiveBack));
}

#[test]
fn time_is_over_and_the_payment_comes_late() {
    let mut payment = known(PaymentState::AwaitingBuyer);
    // As far as the hold may be extended it has been.
    payment.extended_ms = terms().extend_max_ms;
    payment.hold_ends_ms = START_MS + 100_000;
    payment.wake_at_ms = Some(START_MS + 60_000);
    let give_up_ms = START_MS + 70_000;
    assert_eq!(due(&payment, give_up_ms - 1), Due::Do(Action::Read));
    assert_eq!(due(&payment, give_up_ms), Due::Do(Action::Cancel));
    let over = after(&payment, is(Phase::Cancelled), give_up_ms);
    assert_eq!(over.state, PaymentState::TimedOut);

    // Refused because it is paid: the log decides.
    for row in [
        payment.clone(),
        after(&payment, Seen::GatewayUnknown, give_up_ms),
    ] {
        let paid = after(&row, is(Phase::Captured), give_up_ms);
        assert_eq!(paid.state, PaymentState::Paid);
        assert_eq!(due(&paid, give_up_ms), Due::Do(Action::Confirm));
    }
    // The bank works on it and cannot be stopped.
    let stopping = after(&payment, is(Phase::Processing), give_up_ms);
    assert_eq!(stopping.state, PaymentState::Cancelling);
    let stopping = after(&stopping, is(Phase::Processing), give_up_ms);
    assert!(matches!(due(&stopping, give_up_ms), Due::Wait { .. }));

    // Money for what is over goes back, and what is open there is taken back.
    let (late, booked) = moved(&over, is(Phase::Captured), give_up_ms);
    let amount = PRICE;
    assert_eq!(
        due(&late, give_up_ms),
        Due::Do(Action::RefundAll { amount })
    );
    let posting = Posting::new("paid", Account::Gateway, Account::OwedToBuyers, PRICE);
    assert_eq!(booked.posting, Some(posting));
    let open = after(&over, is(Phase::Authorised), give_up_ms);
    assert_eq!(open.state, PaymentState::TimedOut);
    assert_eq!(due(&open, give_up_ms), Due::Do(Action::Cancel));
    let shut = after(&open, is(Phase::Cancelled), give_up_ms);
    assert_eq!(due(&shut, give_up_ms), Due::Over);
}

#[test]
fn what_is_not_the_bookings_sum_is_never_confirmed() {
    let waiting = known(PaymentState::AwaitingBuyer);
    let with = |phase, change: fn(&mut GatewayState)| {
        let mut state = at_gateway(phase);
        change(&mut state);
        after(&waiting, Seen::Gateway(state), START_MS)
    };
    for (change, failure) in [
        (
            (|state| state.amount = PRICE - 1) as fn(&mut GatewayState),
            "amount_mismatch",
        ),
        (
            |state| state.currency = Currency(*b"USD"),
            "currency_mismatch",
        ),
    ] {
        for phase in [Phase::AwaitingBuyer, Phase::Authorised] {
            let row = with(phase, change);
            assert_eq!(due(&row, START_MS), Due::Do(Action::Cancel));
            assert_eq!(row.failure.as_deref(), Some(failure));
        }
        let row = with(Phase::Captured, change);
        let amount = PRICE;
        assert_eq!(due(&row, START_MS), Due::Do(Action::RefundAll { amount }));
        assert_eq!(row.failure.as_deref(), Some(failure));
    }
    let less = with(Phase::Captured, |state| state.captured = 7);
    assert_eq!(
        due(&less, START_MS),
        Due::Do(Action::RefundAll { amount: 7 })
    );
    // It is sold already: a person decides.
    let mut state = at_gateway(Phase::Captured);
    state.captured = 7;
    let capturing = known(PaymentState::Capturing);
    let (row, booked) = moved(&capturing, Seen::Gateway(state), START_MS);
    assert_eq!((row.state, row.captured), (PaymentState::NeedsOperator, 7));
    assert!(booked.posting.is_some_and(|posting| posting.is_balanced()));
}
