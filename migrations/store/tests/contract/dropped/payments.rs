//! Every write of payments: none takes its connection with it, and each is done whole or not at all.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use onsale_schemas::command::Currency;
use onsale_store::job::NewJob;
use onsale_store::payment::{
    Account, Dispute, DisputeState, Moved, NewNotice, Payment, Posting, Refund,
};
use onsale_store::{Store, StoreError};
use uuid::Uuid;

use super::{Begin, call, drop_each};
use crate::build::id;
use crate::harness::{Bench, contract};
use crate::payments::refunds::{new_refund, refund_of};
use crate::payments::{OPENED_MS, job_keys, new_payment, opened, paid};

contract!(no_write_of_payments_takes_its_connection_with_it);

fn step(kind: &'static str, of: Uuid, version: i64) -> NewJob {
    NewJob {
        kind,
        key: format!("{of}:{version}"),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

fn moved(version: i64) -> Moved {
    let what = format!("move:{version}");
    Moved {
        reason: "it is tried".to_owned(),
        posting: Some(Posting::new(what, Account::Gateway, Account::Sales, 1)),
        event: None,
    }
}

/// Rows that there are to be moved, one for each call: more than a call is ever polled.
const ROWS: u64 = 60;

async fn move_on(store: &Store, before: Payment) -> Result<bool, StoreError> {
    let after = Payment {
        tries: 1,
        ..before.clone()
    };
    let job = Some(step("payment.step", before.id, 2));
    store.move_payment(&before, &after, &moved(2), job).await
}

async fn move_refund_on(store: &Store, before: Refund) -> Result<bool, StoreError> {
    let after = Refund {
        tries: 1,
        ..before.clone()
    };
    let moved = moved(before.number.into());
    let job = Some(step("refund.step", before.id, 2));
    store.move_refund(&before, &after, &moved, job).await
}

fn notice(number: u64) -> NewNotice {
    NewNotice {
        event_id: format!("evt_{number}"),
        kind: "charge.refunded".to_owned(),
        object: None,
        payment: None,
        refund: None,
        dispute: None,
        created_at_ms: OPENED_MS,
    }
}

fn dispute(number: u64, of: &Payment) -> Dispute {
    Dispute {
        gateway: "stripe".to_owned(),
        object: format!("dp_{number}"),
        payment: of.id,
        tenant: id(1),
        amount: 1,
        currency: Currency(*b"THB"),
        state: DisputeState::Open,
        reason: "fraudulent".to_owned(),
        due_at_ms: None,
        opened_at_ms: OPENED_MS,
        updated_at_ms: OPENED_MS,
    }
}

async fn no_write_of_payments_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 1).await;
    let (mut payments, mut refunds) = (Vec::new(), Vec::new());
    for number in 2..2 + ROWS {
        payments.push(opened(store, &new_payment(number, number)).await);
        refunds.push(refund_of(&bench, &new_refund(number, &of, 1)).await);
    }
    let next = AtomicU64::new(100);
    let number = || next.fetch_add(1, Ordering::Relaxed);
    let (moved, moved_refunds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let of = &of;
    let calls: Vec<(&str, Begin<'_>)> = vec![
        (
            "open_payment",
            Box::new(|| {
                let number = number();
                let new = new_payment(number, number);
                call(async move { store.open_payment(&new, OPENED_MS).await })
            }),
        ),
        (
            "move_payment",
            Box::new(|| {
                let at = moved.fetch_add(1, Ordering::Relaxed);
                call(move_on(store, payments[at].clone()))
            }),
        ),
        (
            "open_refund",
            Box::new(|| {
                let new = new_refund(number(), of, 1);
                call(async move { store.open_refund(&new, OPENED_MS).await })
            }),
        ),
        (
            "move_refund",
            Box::new(|| {
                let at = moved_refunds.fetch_add(1, Ordering::Relaxed);
                call(move_refund_on(store, refunds[at].clone()))
            }),
        ),
        (
            "put_notice",
            Box::new(|| {
                let notice = notice(number());
                call(async move { store.put_notice("stripe", &notice).await })
            }),
        ),
        (
            "mark_notice",
            Box::new(|| call(store.mark_notice("stripe", "evt_1", "nothing to do"))),
        ),
        (
            "put_dispute",
            Box::new(|| {
                let dispute = dispute(number(), of);
                call(async move { store.put_dispute(&dispute, None).await })
            }),
        ),
        ("forget_notices", Box::new(|| call(store.forget_notices(1)))),
    ];
    drop_each(store, &calls).await;
    drop(calls);
    // Each version has its history, its entry of the books and its job. The first call was not begun.
    let jobs = job_keys(store, "payment.step").await;
    for (at, payment) in payments.iter().enumerate() {
        let is_moved = (1..moved.load(Ordering::Relaxed)).contains(&at);
        let now = store.payment(payment.id).await.unwrap().unwrap();
        assert_eq!(now.version, if is_moved { 2 } else { 1 }, "{at}");
        let versions = usize::try_from(now.version).unwrap();
        let moves = store.moves_of_payment(payment.id).await.unwrap();
        assert_eq!(moves.len(), versions, "{at}");
        let posted = store.postings_of_payment(payment.id).await.unwrap();
        assert_eq!(posted.len(), versions - 1, "{at}");
        let stem = format!("{}:", payment.id);
        let jobs = jobs.iter().filter(|key| key.starts_with(&stem));
        assert_eq!(jobs.count(), versions, "{at}");
    }
    for (at, refund) in refunds.iter().enumerate() {
        let is_moved = (1..moved_refunds.load(Ordering::Relaxed)).contains(&at);
        let now = store.refund(refund.id).await.unwrap().unwrap();
        assert_eq!(now.version, if is_moved { 2 } else { 1 }, "{at}");
        let moves = store.moves_of_refund(refund.id).await.unwrap();
        let versions = usize::try_from(now.version).unwrap();
        assert_eq!(moves.len(), versions, "{at}");
    }
    assert!(store.unbalanced_postings(9).await.unwrap().is_empty());
}
