//! Payments as they are listed, and those that are looked for.

use onsale_schemas::command::Currency;
use onsale_store::payment::{
    Dispute, DisputeState, MoneyPlace, MoneyStanding, NewNotice, NewPayment, Opened, Payment,
    PaymentFilter, PaymentState, RefundState, StandingIn,
};
use uuid::Uuid;

use super::refunds::{in_state as refund_in_state, new_refund, refund_of};
use super::{AMOUNT, OPENED_MS, in_state, new_payment, opened, paid, turned};
use crate::build::{event_id, id, show_id, user_id};
use crate::harness::{Bench, contract};

contract!(
    payments_are_listed_a_page_at_a_time,
    those_that_nobody_looks_at_are_found,
    how_they_stand_is_counted,
);

async fn payments_are_listed_a_page_at_a_time(bench: Bench) {
    let store = &bench.store;
    for number in 0..5 {
        let of_show = NewPayment {
            show: show_id(1 + number % 2),
            ..new_payment(number, number)
        };
        // Two at one moment.
        let now_ms = OPENED_MS + number / 2;
        let opened = store.open_payment(&of_show, now_ms).await.unwrap();
        assert!(matches!(opened, Opened::New(_)));
    }
    let all = PaymentFilter::default();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = store.payments_of_tenant(id(1), &all, after, 2).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(MoneyPlace {
            created_at_ms: last.created_at_ms,
            id: last.id,
        });
        found.extend(page.into_iter().map(|payment| payment.id));
    }
    let newest_first: Vec<Uuid> = [4u64, 3, 2, 1, 0].map(|number| id(0x9a00 + number)).into();
    assert_eq!(found, newest_first);
    let of_user = store.payments_of_user(user_id(7), None, 9).await.unwrap();
    let of_user: Vec<Uuid> = of_user.iter().map(|payment| payment.id).collect();
    assert_eq!(of_user, newest_first);
    let none = store.payments_of_user(user_id(8), None, 9).await.unwrap();
    assert_eq!(none, []);
    let first = store.payment(id(0x9a00)).await.unwrap().unwrap();
    in_state(store, &first, PaymentState::Failed).await;
    for (filter, expected) in [
        (
            PaymentFilter {
                show: Some(show_id(2)),
                ..all
            },
            2,
        ),
        (
            PaymentFilter {
                event: Some(event_id(2)),
                ..all
            },
            0,
        ),
        (
            PaymentFilter {
                state: Some(PaymentState::Failed),
                ..all
            },
            1,
        ),
    ] {
        let found = store.payments_of_tenant(id(1), &filter, None, 9).await;
        assert_eq!(found.unwrap().len(), expected, "{filter:?}");
    }
    let elsewhere = store.payments_of_tenant(id(2), &all, None, 9).await;
    assert_eq!(elsewhere.unwrap(), []);
}

async fn those_that_nobody_looks_at_are_found(bench: Bench) {
    let store = &bench.store;
    let wakes = [
        (PaymentState::Processing, Some(OPENED_MS + 20)),
        (PaymentState::Pending, Some(OPENED_MS + 10)),
        // It does not say when: by its last change.
        (PaymentState::Paid, None),
        (PaymentState::Succeeded, None),
        (PaymentState::Failed, Some(OPENED_MS)),
        // A person looks at it.
        (PaymentState::NeedsOperator, None),
        (PaymentState::CaptureFailed, Some(OPENED_MS + 30)),
    ];
    for (number, (state, wake_at_ms)) in (0u64..).zip(wakes) {
        let before = opened(store, &new_payment(number, number)).await;
        let after = Payment {
            state,
            wake_at_ms,
            object: Some(format!("pi_{number}")),
            ..before.clone()
        };
        turned(store, &before, after).await;
    }
    let stuck = async |before_ms, limit| {
        let stuck = store.stuck_payments(before_ms, limit).await.unwrap();
        let states = stuck.into_iter().map(|payment| payment.state);
        states.collect::<Vec<PaymentState>>()
    };
    let expected = [
        PaymentState::Paid,
        PaymentState::Pending,
        PaymentState::Processing,
        PaymentState::CaptureFailed,
    ];
    assert_eq!(stuck(OPENED_MS + 31, 9).await, expected);
    assert_eq!(stuck(OPENED_MS + 20, 9).await, expected[..2]);
    assert_eq!(stuck(OPENED_MS + 31, 1).await, expected[..1]);
    let found = store.payment_by_object("stripe", "pi_2").await.unwrap();
    assert_eq!(found.unwrap().state, PaymentState::Paid);
    let elsewhere = store.payment_by_object("simulated", "pi_2").await;
    assert_eq!(elsewhere.unwrap(), None);
}

async fn how_they_stand_is_counted(bench: Bench) {
    let store = &bench.store;
    let standing = async |before_ms| store.money_standing(before_ms).await.unwrap();
    assert_eq!(standing(u64::MAX >> 1).await, MoneyStanding::default());
    let wakes = [
        (PaymentState::Processing, Some(OPENED_MS + 10)),
        (PaymentState::Processing, Some(OPENED_MS + 30)),
        // A person looks at it: it is never late.
        (PaymentState::NeedsOperator, None),
        (PaymentState::Failed, None),
    ];
    for (number, (state, wake_at_ms)) in (0u64..).zip(wakes) {
        let before = opened(store, &new_payment(number, number)).await;
        let after = Payment {
            state,
            wake_at_ms,
            ..before.clone()
        };
        turned(store, &before, after).await;
    }
    let sold = paid(store, 8, 8).await;
    let approved = refund_of(&bench, &new_refund(1, &sold, 100)).await;
    let done = refund_of(&bench, &new_refund(2, &sold, 100)).await;
    refund_in_state(&bench, &done, RefundState::Refused).await;
    let dispute = |number: u64, state| Dispute {
        gateway: "stripe".to_owned(),
        object: format!("dp_{number}"),
        payment: sold.id,
        tenant: sold.tenant,
        amount: AMOUNT,
        currency: Currency(*b"THB"),
        state,
        reason: "fraudulent".to_owned(),
        due_at_ms: None,
        opened_at_ms: OPENED_MS,
        updated_at_ms: OPENED_MS,
    };
    for dispute in [
        dispute(1, DisputeState::Open),
        dispute(2, DisputeState::Won),
    ] {
        assert!(store.put_dispute(&dispute, None).await.unwrap());
    }
    let notice = NewNotice {
        event_id: "evt_1".to_owned(),
        kind: "charge.updated".to_owned(),
        object: None,
        payment: None,
        refund: None,
        dispute: None,
        created_at_ms: OPENED_MS,
    };
    assert!(store.put_notice("stripe", &notice).await.unwrap());

    let stand = standing(OPENED_MS + 20).await;
    let of = |state, count, overdue| StandingIn {
        state,
        count,
        overdue,
        oldest_ms: OPENED_MS,
    };
    assert_eq!(
        stand.payments,
        [
            of(PaymentState::NeedsOperator, 1, 0),
            of(PaymentState::Processing, 2, 1),
        ]
    );
    let [refund] = stand.refunds[..] else {
        panic!("{:?}", stand.refunds);
    };
    assert_eq!((refund.state, refund.count), (RefundState::Approved, 1));
    assert_eq!(refund.oldest_ms, approved.created_at_ms);
    assert_eq!((stand.notices, stand.open_disputes), (1, 1));
    assert!(stand.oldest_notice_ms.is_some());
    let later = standing(OPENED_MS + 1_000_000).await;
    assert_eq!(later.payments[1], of(PaymentState::Processing, 2, 2));
    assert_eq!(later.refunds[0].overdue, 1);
}
