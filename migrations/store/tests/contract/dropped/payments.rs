//! Every write of payments: none takes its connection with it, and each is done whole or not at all.

use std::sync::atomic::{AtomicU64, Ordering};

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

async fn move_on(store: &Store, of: Uuid) -> Result<bool, StoreError> {
    let before = store.payment(of).await?;
    let before = before.ok_or(StoreError::NotThere("payment"))?;
    let next = before.version + 1;
    let after = Payment {
        tries: before.tries + 1,
        ..before.clone()
    };
    let job = Some(step("payment.step", of, next));
    store.move_payment(&before, &after, &moved(next), job).await
}

async fn move_refund_on(store: &Store, of: Uuid) -> Result<bool, StoreError> {
    let before = store.refund(of).await?;
    let before = before.ok_or(StoreError::NotThere("refund"))?;
    let next = before.version + 1;
    let after = Refund {
        tries: before.tries + 1,
        ..before.clone()
    };
    let moved = moved(1_000 + next);
    let job = Some(step("refund.step", of, next));
    store.move_refund(&before, &after, &moved, job).await
}

async fn no_write_of_payments_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    let pending = opened(store, &new_payment(1, 1)).await.id;
    let of = paid(store, 2, 2).await;
    let refund = refund_of(&bench, &new_refund(1, &of, 1)).await.id;
    let next = AtomicU64::new(10);
    let number = || next.fetch_add(1, Ordering::Relaxed);
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
        ("move_payment", Box::new(|| call(move_on(store, pending)))),
        (
            "open_refund",
            Box::new(|| {
                let new = new_refund(number(), of, 1);
                call(async move { store.open_refund(&new, OPENED_MS).await })
            }),
        ),
        (
            "move_refund",
            Box::new(|| call(move_refund_on(store, refund))),
        ),
        (
            "put_notice",
            Box::new(|| {
                let notice = NewNotice {
                    event_id: format!("evt_{}", number()),
                    kind: "charge.refunded".to_owned(),
                    object: None,
                    payment: None,
                    refund: None,
                    dispute: None,
                    created_at_ms: OPENED_MS,
                };
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
                let dispute = Dispute {
                    gateway: "stripe".to_owned(),
                    object: format!("dp_{}", number()),
                    payment: of.id,
                    tenant: id(1),
                    amount: 1,
                    currency: Currency(*b"THB"),
                    state: DisputeState::Open,
                    reason: "fraudulent".to_owned(),
                    due_at_ms: None,
                    opened_at_ms: OPENED_MS,
                    updated_at_ms: OPENED_MS,
                };
                call(async move { store.put_dispute(&dispute, None).await })
            }),
        ),
        ("forget_notices", Box::new(|| call(store.forget_notices(1)))),
    ];
    drop_each(store, &calls).await;
    drop(calls);
    // Each version has its history, its entry of the books and its job.
    let payment = store.payment(pending).await.unwrap().unwrap();
    assert!(payment.version > 1);
    let versions = usize::try_from(payment.version).unwrap();
    let moves = store.moves_of_payment(pending).await.unwrap();
    assert_eq!(moves.len(), versions);
    let posted = store.postings_of_payment(pending).await.unwrap();
    assert_eq!(posted.len(), versions - 1);
    let stem = format!("{pending}:");
    let jobs = job_keys(store, "payment.step").await;
    let jobs = jobs.iter().filter(|key| key.starts_with(&stem));
    assert_eq!(jobs.count(), versions);
    let refund = store.refund(refund).await.unwrap().unwrap();
    assert!(refund.version > 1);
    let moves = store.moves_of_refund(refund.id).await.unwrap();
    assert_eq!(moves.len(), usize::try_from(refund.version).unwrap());
    assert!(store.unbalanced_postings(9).await.unwrap().is_empty());
}
