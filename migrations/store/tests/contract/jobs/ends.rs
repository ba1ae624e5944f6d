//! How jobs end, and when they are forgotten.

use std::collections::BTreeSet;

use onsale_store::audit::Unaudited;
use onsale_store::job::{JobState, NewJob, Renewal};

use super::{LEASE_MS, all, claim, claim_one, enqueue, job, state};
use crate::harness::{Bench, contract};

contract!(
    what_is_cancelled_ends,
    what_is_given_back_does_not_count,
    a_dead_job_is_requeued,
    what_ended_is_forgotten_but_the_dead_are_kept,
    mails_are_forgotten_whatever_became_of_them,
);

async fn what_is_cancelled_ends(bench: Bench) {
    for key in ["a", "b", "c"] {
        enqueue(&bench, &job(key)).await;
    }
    let waiting = bench.store.jobs(&all()).await.unwrap().remove(0).job_id;
    assert!(
        bench
            .store
            .cancel_job(waiting, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert!(
        !bench
            .store
            .cancel_job(waiting, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(state(&bench, waiting).await, JobState::Cancelled);

    let running = claim(&bench, "w1", 5).await;
    let [first, second] = &running[..] else {
        panic!("{running:?}");
    };
    for claimed in [first, second] {
        assert!(
            bench
                .store
                .cancel_job(claimed.lease.job, Unaudited::Unattended)
                .await
                .unwrap()
        );
        assert_eq!(state(&bench, claimed.lease.job).await, JobState::Running);
        let renewal = bench
            .store
            .renew_job(claimed.lease, LEASE_MS, None)
            .await
            .unwrap();
        assert_eq!(renewal, Renewal::Cancelled);
    }
    assert!(bench.store.finish_cancelled_job(first.lease).await.unwrap());
    assert_eq!(state(&bench, first.lease.job).await, JobState::Cancelled);
    // One that fails first is not tried again.
    assert!(
        bench
            .store
            .fail_attempt(second.lease, "x", 0)
            .await
            .unwrap()
    );
    assert_eq!(state(&bench, second.lease.job).await, JobState::Cancelled);
}

async fn what_is_given_back_does_not_count(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    let claimed = claim_one(&bench).await;
    let renewal = bench
        .store
        .renew_job(claimed.lease, LEASE_MS, Some("7 of 9"))
        .await
        .unwrap();
    assert_eq!(renewal, Renewal::Held);
    assert!(bench.store.release_job(claimed.lease).await.unwrap());
    let again = claim_one(&bench).await;
    assert_eq!(again.attempt, 1);
    assert_eq!(again.progress.as_deref(), Some("7 of 9"));
}

async fn a_dead_job_is_requeued(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    let claimed = claim_one(&bench).await;
    let id = claimed.lease.job;
    assert!(
        !bench
            .store
            .requeue_job(id, Unaudited::Unattended)
            .await
            .unwrap(),
        "it runs"
    );
    bench
        .store
        .dead_letter_job(claimed.lease, "x")
        .await
        .unwrap();
    assert!(
        bench
            .store
            .requeue_job(id, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert!(
        !bench
            .store
            .requeue_job(id, Unaudited::Unattended)
            .await
            .unwrap(),
        "it waits"
    );
    assert_eq!(claim_one(&bench).await.attempt, 1);
}

async fn what_ended_is_forgotten_but_the_dead_are_kept(bench: Bench) {
    for key in ["done", "dead", "off", "open"] {
        enqueue(&bench, &job(key)).await;
    }
    for claimed in claim(&bench, "w1", 4).await {
        let lease = claimed.lease;
        match claimed.key.as_str() {
            "done" => bench.store.finish_job(lease).await.unwrap(),
            "dead" => bench.store.dead_letter_job(lease, "x").await.unwrap(),
            "off" => bench.store.finish_cancelled_job(lease).await.unwrap(),
            _ => bench.store.release_job(lease).await.unwrap(),
        };
    }
    assert_eq!(bench.store.prune_jobs(60_000, 10).await.unwrap(), 0);
    bench
        .tamper("UPDATE jobs SET ended_at_ms = 1 WHERE ended_at_ms IS NOT NULL")
        .await;
    assert_eq!(bench.store.prune_jobs(60_000, 1).await.unwrap(), 1);
    assert_eq!(bench.store.prune_jobs(60_000, 10).await.unwrap(), 1);
    let left: BTreeSet<String> = bench
        .store
        .jobs(&all())
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.key)
        .collect();
    assert_eq!(left, BTreeSet::from(["dead".to_owned(), "open".to_owned()]));
    assert!(enqueue(&bench, &job("done")).await, "its key is free again");
}

async fn mails_are_forgotten_whatever_became_of_them(bench: Bench) {
    for (key, kind) in [
        ("old", onsale_store::mail::KIND),
        ("dead", onsale_store::mail::KIND),
        ("new", onsale_store::mail::KIND),
        ("other", "mail.send"),
    ] {
        let new = NewJob { kind, ..job(key) };
        enqueue(&bench, &new).await;
    }
    bench
        .tamper(
            "UPDATE jobs SET state = 'dead', ended_at_ms = 2, created_at_ms = 1 \
             WHERE job_key = 'dead'",
        )
        .await;
    bench
        .tamper("UPDATE jobs SET created_at_ms = 1 WHERE job_key IN ('old', 'other')")
        .await;
    assert_eq!(bench.store.forget_mails(1).await.unwrap(), 0);
    assert_eq!(bench.store.forget_mails(2).await.unwrap(), 2);
    let left: BTreeSet<String> = bench
        .store
        .jobs(&all())
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.key)
        .collect();
    assert_eq!(left, BTreeSet::from(["new".to_owned(), "other".to_owned()]));
}
