//! The inbox of what gateways say by themselves.

use onsale_store::StoreError;
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::payment::{NewNotice, NoticeKey};

use super::{OPENED_MS, job_keys};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_notice_is_put_there_once,
    of_many_at_once_one_is_put_there,
    what_does_not_fit_is_refused,
    what_was_acted_on_is_forgotten_when_it_is_old,
);

fn notice(number: u64) -> NewNotice {
    NewNotice {
        event_id: format!("evt_{number}"),
        kind: "a.kind.nobody.knows".to_owned(),
        object: Some("pi_1".to_owned()),
        payment: Some(id(0x9a01)),
        refund: None,
        dispute: Some("dp_1".to_owned()),
        created_at_ms: OPENED_MS + number,
    }
}

async fn put(bench: &Bench, number: u64) -> bool {
    let notice = notice(number);
    bench.store.put_notice("stripe", &notice).await.unwrap()
}

async fn a_notice_is_put_there_once(bench: Bench) {
    let store = &bench.store;
    assert!(put(&bench, 1).await);
    assert!(!put(&bench, 1).await);
    let elsewhere = store.put_notice("simulated", &notice(1)).await;
    assert!(elsewhere.unwrap(), "of another gateway");
    assert_eq!(
        job_keys(store, "payment.webhook").await,
        ["simulated:evt_1", "stripe:evt_1"]
    );
    let stored = store.notice("stripe", "evt_1").await.unwrap().unwrap();
    assert_eq!(stored.notice, notice(1));
    assert_eq!(stored.handled, None);
    assert!(stored.received_at_ms > OPENED_MS, "by the database's clock");
    assert_eq!(store.notice("stripe", "evt_2").await.unwrap(), None);
    let (waiting, oldest_ms) = store.waiting_notices().await.unwrap();
    assert_eq!(waiting, 2);
    assert!(oldest_ms.is_some());
    let filter = JobFilter {
        limit: 1,
        ..JobFilter::default()
    };
    let job = store.jobs(&filter).await.unwrap().remove(0);
    let (_, payload) = store.job(job.job_id).await.unwrap().unwrap();
    let key: NoticeKey = serde_json::from_str(&payload).unwrap();
    assert_eq!(
        (key.gateway.as_str(), key.event_id.as_str()),
        ("simulated", "evt_1")
    );

    let mark = async |outcome| store.mark_notice("stripe", "evt_1", outcome).await.unwrap();
    assert!(mark("read pi_1").await);
    assert!(!mark("again").await, "what was noted first stays");
    let stored = store.notice("stripe", "evt_1").await.unwrap().unwrap();
    assert_eq!(stored.handled.unwrap().outcome, "read pi_1");
    assert_eq!(store.waiting_notices().await.unwrap().0, 1);
    assert!(!put(&bench, 1).await, "it is known still");
    let of_payment = store.notices_of_payment(id(0x9a01), 9).await.unwrap();
    assert_eq!(of_payment.len(), 2);
}

async fn of_many_at_once_one_is_put_there(bench: Bench) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = bench.store.clone();
        calls.spawn(async move { store.put_notice("stripe", &notice(1)).await.unwrap() });
    }
    let put = calls.join_all().await;
    assert_eq!(put.into_iter().filter(|put| *put).count(), 1);
    assert_eq!(job_keys(&bench.store, "payment.webhook").await.len(), 1);
}

async fn what_does_not_fit_is_refused(bench: Bench) {
    let store = &bench.store;
    for (wrong, field) in [
        (
            NewNotice {
                event_id: "e".repeat(161),
                ..notice(1)
            },
            "event_id has 161 bytes",
        ),
        (
            NewNotice {
                kind: String::new(),
                ..notice(1)
            },
            "kind has 0 bytes",
        ),
        (
            NewNotice {
                object: Some("a\0b".to_owned()),
                ..notice(1)
            },
            "object has 3 bytes",
        ),
        (
            NewNotice {
                created_at_ms: u64::MAX,
                ..notice(1)
            },
            "created_at_ms",
        ),
    ] {
        let refused = store.put_notice("stripe", &wrong).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    let longest = NewNotice {
        event_id: "e".repeat(160),
        ..notice(1)
    };
    assert!(store.put_notice(&"g".repeat(32), &longest).await.unwrap());
    assert_eq!(job_keys(store, "payment.webhook").await.len(), 1);
}

async fn what_was_acted_on_is_forgotten_when_it_is_old(bench: Bench) {
    let store = &bench.store;
    for number in 1..4 {
        assert!(put(&bench, number).await);
    }
    let marked = store.mark_notice("stripe", "evt_2", "nothing to do").await;
    assert!(marked.unwrap());
    let now_ms = store.clock_ms().await.unwrap();
    assert_eq!(store.forget_notices(now_ms - 60_000).await.unwrap(), 0);
    assert_eq!(store.forget_notices(now_ms + 60_000).await.unwrap(), 1);
    assert_eq!(store.notice("stripe", "evt_2").await.unwrap(), None);
    assert_eq!(store.waiting_notices().await.unwrap().0, 2);
    // Its job is not done twice by that as long as it is remembered.
    assert!(put(&bench, 2).await);
    let job = NewJob {
        kind: "payment.webhook",
        key: "stripe:evt_2".to_owned(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 1,
    };
    assert!(!store.enqueue_job(&job).await.unwrap());
}
