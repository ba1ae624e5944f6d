//! What goes of payments, and when: a person's words with the person, all but the books with the bookings.

use onsale_store::account::Erasure;
use onsale_store::audit::Actor;
use onsale_store::payment::{NewPayment, Payment, PaymentState, RefundState};
use onsale_store::retention::Kind;
use onsale_store::{Store, audit::Unaudited};

use super::refunds::{in_state, new_refund, refund_of};
use super::{job_keys, new_payment, opened, paid, turned};
use crate::accounts::{NOW_MS, add, password};
use crate::build::{Chain, id, user_id, with_show};
use crate::guests::guest;
use crate::harness::{Bench, contract};
use crate::retention::{LATER_MS, as_of_later, forgotten};

contract!(
    payments_go_with_the_bookings_of_their_show,
    what_is_not_over_keeps_the_show,
    what_people_have_said_goes_with_them,
);

async fn sold(store: &Store) -> u64 {
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve(1, 7, &[0, 1]);
    chain.confirm(1, 7, offset, &[0, 1]);
    store.project(&chain.all()).await.unwrap();
    offset
}

async fn payments_go_with_the_bookings_of_their_show(bench: Bench) {
    let store = &bench.store;
    let booking = sold(store).await;
    as_of_later(&bench).await;
    let payment = paid(store, 1, booking).await;
    let refund = refund_of(&bench, &new_refund(1, &payment, 600)).await;
    in_state(&bench, &refund, RefundState::Done).await;
    let elsewhere = NewPayment {
        show: crate::build::show_id(2),
        ..new_payment(2, 99)
    };
    let elsewhere = opened(store, &elsewhere).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 1);
    assert_eq!(store.payment(payment.id).await.unwrap(), None);
    assert_eq!(store.moves_of_payment(payment.id).await.unwrap(), []);
    assert_eq!(store.refund(refund.id).await.unwrap(), None);
    assert_eq!(store.moves_of_refund(refund.id).await.unwrap(), []);
    // Of another show, and the books.
    assert!(store.payment(elsewhere.id).await.unwrap().is_some());
    let posted = store.postings_of_payment(payment.id).await.unwrap();
    assert_eq!(posted.len(), 1);
    assert_eq!(job_keys(store, "payment.step").await.len(), 2);
}

async fn what_is_not_over_keeps_the_show(bench: Bench) {
    let store = &bench.store;
    let booking = sold(store).await;
    as_of_later(&bench).await;
    let payment = paid(store, 1, booking).await;
    // Something happened to it since.
    let before = store.payment(payment.id).await.unwrap().unwrap();
    let recent = Payment {
        updated_at_ms: LATER_MS - 1,
        ..before.clone()
    };
    let recent = turned(store, &before, recent).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 0);
    let stands = Payment {
        state: PaymentState::NeedsOperator,
        updated_at_ms: payment.updated_at_ms,
        ..recent.clone()
    };
    let stands = turned(store, &recent, stands).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 0);
    let over = Payment {
        state: PaymentState::Succeeded,
        ..stands.clone()
    };
    let over = turned(store, &stands, over).await;
    let refund = refund_of(&bench, &new_refund(1, &over, 600)).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 0);
    in_state(&bench, &refund, RefundState::Refused).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 1);
    assert_eq!(store.payment(payment.id).await.unwrap(), None);
}

async fn what_people_have_said_goes_with_them(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    let (own, taken_over) = (guest(7, 7), guest(8, 1));
    store.add_guest(&own, Unaudited::Unattended).await.unwrap();
    let added = store.add_guest(&taken_over, Unaudited::Unattended).await;
    added.unwrap();
    bench
        .tamper(
            "UPDATE guests SET owner_id = (SELECT user_id FROM users), taken_over_at_ms = 1 \
             WHERE guest_id <> (SELECT guest_id FROM guests ORDER BY guest_id LIMIT 1)",
        )
        .await;
    let payment = paid(store, 1, 5).await;
    let askers = [id(1), own.guest_id, taken_over.guest_id, user_id(9).0];
    for (number, asker) in (1..).zip(askers) {
        let new = onsale_store::payment::NewRefund {
            asked_by: Some(onsale_schemas::UserId(asker)),
            ..new_refund(number, &payment, 5)
        };
        refund_of(&bench, &new).await;
    }
    let said = async || {
        let refunds = store.refunds_of_payment(payment.id).await.unwrap();
        let said = refunds.iter().map(|refund| refund.reason.is_some());
        said.collect::<Vec<bool>>()
    };
    assert_eq!(said().await, [true; 4]);
    let erased = store.erase_guest(own.guest_id, None, NOW_MS, Unaudited::Unattended);
    assert!(erased.await.unwrap());
    assert_eq!(said().await, [true, false, true, true]);
    let shown = password(1);
    let audit = |_: &Erasure| Actor::command_line().did("account.erase", "user", id(1));
    let erased = store.erase_user(id(1), Some(&shown), None, None, NOW_MS + 5, audit);
    assert!(matches!(erased.await.unwrap(), Erasure::Erased { .. }));
    assert_eq!(said().await, [false, false, false, true]);
    // What is no one's words stays.
    let refunds = store.refunds_of_payment(payment.id).await.unwrap();
    assert_eq!(refunds[0].asked_by.map(|user| user.0), Some(id(1)));
    assert_eq!(refunds[0].amount, 5);
}
