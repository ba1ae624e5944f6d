//! What the table does not say: holds that last longer, gateways that are down, buyers and banks.

use super::*;

#[test]
fn the_hold_lasts_as_long_as_the_payment_may_take() {
    let terms = terms();
    let mut payment = known(PaymentState::Processing);
    payment.deadline_ms = START_MS + 1_200_000;
    payment.wake_at_ms = Some(START_MS + 1_000_000);
    let due_ms = HOLD_ENDS_MS - terms.cancel_before_end_ms - 2 * terms.poll_ms;
    assert!(matches!(due(&payment, due_ms - 1), Due::Wait { .. }));
    let by_ms = terms.extend_ms;
    assert_eq!(due(&payment, due_ms), Due::Do(Action::Extend { by_ms }));
    // The same again until it is known, then once.
    let unknown = after(&payment, Seen::LogUnknown, due_ms);
    assert_eq!(
        due(&unknown, rested(&unknown)),
        Due::Do(Action::Extend { by_ms })
    );
    let hold_ends_ms = HOLD_ENDS_MS + u64::from(by_ms);
    let longer = after(&unknown, Seen::Extended { hold_ends_ms }, due_ms);
    assert_eq!(longer.extended_ms, u64::from(by_ms));
    assert_eq!(longer.hold_ends_ms, hold_ends_ms);
    let twice = observe(&longer, Seen::Extended { hold_ends_ms }, &terms, due_ms);
    assert_eq!(twice, None);
    assert!(matches!(due(&longer, due_ms), Due::Wait { .. }));
    // Where it cannot be, it is given up before the end.
    let refused = after(&payment, Seen::ExtendRefused, due_ms);
    assert!(!matches!(
        due(&refused, due_ms),
        Due::Do(Action::Extend { .. })
    ));
    let give_up_ms = HOLD_ENDS_MS - terms.cancel_before_end_ms;
    assert_eq!(due(&refused, give_up_ms), Due::Do(Action::Cancel));
    // No further than the bound.
    let mut most = payment;
    most.extended_ms = terms.extend_max_ms - 1;
    assert_eq!(due(&most, due_ms), Due::Do(Action::Extend { by_ms: 1 }));
    most.extended_ms = terms.extend_max_ms;
    assert_eq!(due(&most, give_up_ms), Due::Do(Action::Cancel));
}

#[test]
fn a_gateway_that_is_down_is_left_alone_for_longer_and_longer() {
    let terms = terms();
    let mut row = asked();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        row = after(
            &row,
            Seen::Unavailable {
                retry_after_ms: None,
            },
            START_MS,
        );
        pauses.push(rested(&row) - START_MS);
    }
    for (tries, pause_ms) in pauses.iter().enumerate() {
        let longest_ms = if tries < 4 {
            500 << tries
        } else {
            terms.poll_ms
        };
        let range = (longest_ms * 3 / 4)..=longest_ms;
        assert!(range.contains(pause_ms), "{tries}: {pauses:?}");
    }
    let told = Seen::Unavailable {
        retry_after_ms: Some(20_000),
    };
    let told = after(&asked(), told, START_MS);
    assert_eq!(rested(&told), START_MS + 20_000);
    let rude = Seen::Unavailable {
        retry_after_ms: Some(u64::MAX),
    };
    let rude = after(&asked(), rude, START_MS);
    assert_eq!(rested(&rude), START_MS + crate::saga::RETRY_AFTER_MAX_MS);
}

#[test]
fn the_buyer_cancels() {
    let untouched = opened(1, PRICE, HOLD_ENDS_MS, START_MS);
    let over = after(&untouched, Seen::CancelAsked, START_MS);
    assert_eq!(over.state, PaymentState::Failed);
    assert_eq!(over.failure.as_deref(), Some("cancelled"));
    // What was perhaps made is made certain first.
    let pending = after(&asked(), Seen::CancelAsked, START_MS);
    assert_eq!(due(&pending, START_MS), Due::Do(Action::Create));
    let made = after(&pending, is(Phase::AwaitingBuyer), START_MS);
    assert_eq!(due(&made, START_MS), Due::Do(Action::Cancel));
    let waiting = after(
        &known(PaymentState::AwaitingBuyer),
        Seen::CancelAsked,
        START_MS,
    );
    assert_eq!(due(&waiting, START_MS), Due::Do(Action::Cancel));
    // Set aside meanwhile: let go. Paid meanwhile: sold, and refunded by the rules if the buyer wants to.
    assert_eq!(
        after(&waiting, is(Phase::Authorised), START_MS).state,
        PaymentState::Cancelling
    );
    assert_eq!(
        after(&waiting, is(Phase::Captured), START_MS).state,
        PaymentState::Paid
    );
    let over = after(&waiting, is(Phase::Cancelled), START_MS);
    assert_eq!(
        (over.state, over.failure.as_deref()),
        (PaymentState::Failed, Some("cancelled"))
    );
}

#[test]
fn a_bank_takes_money_back() {
    let mut sold = paid();
    sold.state = PaymentState::Succeeded;
    for (is_returned, what, debit, credit) in [
        (false, "dispute:dp_1", Account::Disputes, Account::Gateway),
        (
            true,
            "dispute:dp_1:returned",
            Account::Gateway,
            Account::Disputes,
        ),
    ] {
        let seen = Seen::Disputed {
            dispute: "dp_1".to_owned(),
            amount: PRICE,
            is_returned,
        };
        let (row, booked) = moved(&sold, seen, START_MS);
        assert_eq!(row.state, PaymentState::Succeeded);
        assert_eq!(
            booked.posting,
            Some(Posting::new(what, debit, credit, PRICE))
        );
    }
}
