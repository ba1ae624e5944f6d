//! What dies or fails while money goes back.

use onsale_schemas::command::Currency;
use onsale_store::payment::{
    Account, Moved, Payment, PaymentState, Posting, Refund, RefundOf, RefundState,
};
use uuid::Uuid;

use super::world::{PRICE, START_MS, opened};
use crate::saga::Terms;
use crate::saga::refund::{
    RefundAction, RefundAtGateway, RefundDue, RefundPhase, RefundSeen, decide_refund,
    observe_refund,
};

fn payment() -> Payment {
    Payment {
        state: PaymentState::Succeeded,
        object: Some("pi_1".to_owned()),
        captured: PRICE,
        ..opened(1, PRICE, START_MS, START_MS)
    }
}

fn refund(of: RefundOf, amount: i64) -> Refund {
    Refund {
        id: Uuid::from_u128(9),
        payment: payment().id,
        number: 2,
        tenant: payment().tenant,
        of,
        amount,
        compensation: 0,
        rule: "3_to_7_days".to_owned(),
        reason: None,
        state: RefundState::Approved,
        version: 1,
        object: None,
        failure: None,
        tries: 0,
        wake_at_ms: Some(START_MS),
        asked_by: None,
        created_at_ms: START_MS,
        updated_at_ms: START_MS,
    }
}

fn at_gateway(phase: RefundPhase, amount: i64) -> RefundSeen {
    RefundSeen::Gateway(RefundAtGateway {
        object: "re_1".to_owned(),
        phase,
        amount,
        currency: Currency(*b"THB"),
        failure: (phase == RefundPhase::Failed).then(|| "account_closed".to_owned()),
    })
}

fn due(refund: &Refund, now_ms: u64) -> RefundDue {
    decide_refund(refund, &payment(), &Terms::default(), now_ms)
}

fn observed(refund: &Refund, seen: RefundSeen) -> Option<(Refund, Moved)> {
    observe_refund(refund, &payment(), seen, &Terms::default(), START_MS)
}

fn after(refund: &Refund, seen: RefundSeen) -> Refund {
    observed(refund, seen).unwrap().0
}

#[test]
fn places_go_back_first_and_money_then_whatever_dies_between() {
    for of in [RefundOf::Booking, RefundOf::Places(vec![0, 2])] {
        let approved = refund(of, 500);
        assert_eq!(
            due(&approved, START_MS),
            RefundDue::Do(RefundAction::GiveBack)
        );
        // Money is not heard of before.
        let early = observed(&approved, at_gateway(RefundPhase::Done, 500));
        assert_eq!(early, None);
        let unknown = after(&approved, RefundSeen::LogUnknown);
        let rested_ms = unknown.wake_at_ms.unwrap();
        assert_eq!(
            due(&unknown, rested_ms),
            RefundDue::Do(RefundAction::GiveBack)
        );

        let given = after(&unknown, RefundSeen::GivenBack);
        assert_eq!(given.state, RefundState::Processing);
        assert_eq!(observed(&given, RefundSeen::GivenBack), None);
        assert_eq!(observed(&given, RefundSeen::GiveBackRefused), None);
        assert_eq!(due(&given, START_MS), RefundDue::Do(RefundAction::Refund));
        // Sent, and nobody knows: the same again, under the same key.
        let unknown = after(&given, RefundSeen::GatewayUnknown);
        let rested_ms = unknown.wake_at_ms.unwrap();
        assert!(matches!(due(&unknown, START_MS), RefundDue::Wait { .. }));
        assert_eq!(
            due(&unknown, rested_ms),
            RefundDue::Do(RefundAction::Refund)
        );

        let (done, moved) = observed(&unknown, at_gateway(RefundPhase::Done, 500)).unwrap();
        assert_eq!(done.state, RefundState::Done);
        assert_eq!(due(&done, START_MS), RefundDue::Over);
        let posting = Posting::new("refund:2", Account::Refunds, Account::Gateway, 500);
        assert_eq!(moved.posting, Some(posting));
        assert_eq!(moved.event, Some("payment.refunded"));
        // Twice is once.
        assert_eq!(observed(&done, at_gateway(RefundPhase::Done, 500)), None);
    }
}

#[test]
fn a_refund_that_takes_time_is_looked_at_and_not_sent_again() {
    let processing = after(&refund(RefundOf::Booking, 500), RefundSeen::GivenBack);
    let accepted = after(&processing, at_gateway(RefundPhase::Pending, 500));
    let until_ms = START_MS + Terms::default().poll_ms;
    assert_eq!(due(&accepted, START_MS), RefundDue::Wait { until_ms });
    assert_eq!(due(&accepted, until_ms), RefundDue::Do(RefundAction::Read));
    assert_eq!(
        observed(&accepted, at_gateway(RefundPhase::Pending, 500)),
        None
    );
    let failed = after(&accepted, at_gateway(RefundPhase::Failed, 500));
    assert_eq!(failed.state, RefundState::NeedsOperator);
    assert_eq!(failed.failure.as_deref(), Some("account_closed"));
    assert_eq!(due(&failed, until_ms), RefundDue::Over);
    // Somebody has seen to it.
    let done = after(&failed, at_gateway(RefundPhase::Done, 500));
    assert_eq!((done.state, done.failure), (RefundState::Done, None));
}

#[test]
fn what_is_refused_says_so() {
    let approved = refund(RefundOf::Places(vec![7]), 500);
    let refused = after(&approved, RefundSeen::GiveBackRefused);
    assert_eq!(refused.state, RefundState::Refused);
    let processing = after(&approved, RefundSeen::GivenBack);
    let no = |is_final| RefundSeen::GatewayRefused {
        code: "charge_disputed".to_owned(),
        is_final,
    };
    let stuck = after(&processing, no(true));
    assert_eq!(stuck.state, RefundState::NeedsOperator);
    assert_eq!(stuck.failure.as_deref(), Some("charge_disputed"));
    assert_eq!(after(&processing, no(false)).state, RefundState::Processing);
    let other = after(&processing, at_gateway(RefundPhase::Done, 499));
    assert_eq!(other.state, RefundState::NeedsOperator);
    let requested = Refund {
        state: RefundState::Requested,
        ..approved
    };
    assert_eq!(due(&requested, START_MS), RefundDue::Over);
    assert_eq!(observed(&requested, RefundSeen::GivenBack), None);
}

#[test]
fn money_alone_and_places_alone() {
    let money = refund(RefundOf::Amount, 500);
    assert_eq!(due(&money, START_MS), RefundDue::Do(RefundAction::Refund));
    assert_eq!(observed(&money, RefundSeen::GivenBack), None);
    let done = after(&money, at_gateway(RefundPhase::Done, 500));
    assert_eq!(done.state, RefundState::Done);

    for of in [RefundOf::Booking, RefundOf::Amount] {
        let nothing = refund(of, 0);
        assert_eq!(
            due(&nothing, START_MS),
            RefundDue::Do(RefundAction::GiveBack)
        );
        let (done, moved) = observed(&nothing, RefundSeen::GivenBack).unwrap();
        assert_eq!((done.state, moved.posting), (RefundState::Done, None));
    }
}

#[test]
fn compensation_is_owed() {
    let mut cancelled = refund(RefundOf::Booking, PRICE);
    cancelled.compensation = 1_000;
    let processing = after(&cancelled, RefundSeen::GivenBack);
    let (_, moved) = observed(&processing, at_gateway(RefundPhase::Done, PRICE)).unwrap();
    let posting = moved.posting.unwrap();
    assert!(posting.is_balanced());
    assert_eq!(
        posting.lines,
        [
            (Account::Refunds, PRICE),
            (Account::Gateway, -PRICE),
            (Account::Compensation, 1_000),
            (Account::OwedToBuyers, -1_000),
        ]
    );
}
