//! Payments as they are listed, and those that are looked for.

use onsale_store::payment::{MoneyPlace, NewPayment, Opened, Payment, PaymentFilter, PaymentState};
use uuid::Uuid;

use super::{OPENED_MS, in_state, new_payment, opened, turned};
use crate::build::{event_id, id, show_id, user_id};
use crate::harness::{Bench, contract};

contract!(
    payments_are_listed_a_page_at_a_time,
    those_that_nobody_looks_at_are_found,
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
