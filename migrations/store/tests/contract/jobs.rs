//! The queue of jobs.

mod ends;

use std::collections::BTreeSet;

use onsale_store::StoreError;
use onsale_store::job::{ClaimedJob, JobFilter, JobState, NewJob, PAYLOAD_MAX_BYTES, Renewal};
use uuid::Uuid;

use crate::harness::{Bench, contract};

contract!(
    a_job_is_enqueued_once,
    a_job_that_does_not_fit_is_refused,
    a_job_is_claimed_once,
    what_is_due_longest_comes_first,
    workers_share_what_is_due,
    a_job_waits_for_its_time,
    a_failed_attempt_is_repeated_and_the_last_one_kills,
    a_lease_that_ended_is_taken_back,
    a_worker_that_was_away_changes_nothing,
    the_last_attempt_that_nobody_ends_kills,
    jobs_are_listed_and_counted,
);

const LEASE_MS: u64 = 60_000;
/// Ends every lease.
const END_LEASES: &str = "UPDATE jobs SET lease_until_ms = 1 WHERE state = 'running'";

fn job(key: &str) -> NewJob {
    NewJob {
        kind: "mail.send",
        key: key.to_owned(),
        payload: format!("{{\"to\":\"{key}\"}}"),
        delay_ms: 0,
        attempts_max: 3,
    }
}

async fn enqueue(bench: &Bench, job: &NewJob) -> bool {
    bench.store.enqueue_job(job).await.unwrap()
}

async fn claim(bench: &Bench, worker: &str, limit: u32) -> Vec<ClaimedJob> {
    bench
        .store
        .claim_jobs("mail.send", worker, LEASE_MS, limit)
        .await
        .unwrap()
}

/// The only job, claimed.
async fn claim_one(bench: &Bench) -> ClaimedJob {
    let mut claimed = claim(bench, "w1", 5).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

async fn state(bench: &Bench, id: Uuid) -> JobState {
    bench.store.job(id).await.unwrap().unwrap().0.state
}

async fn a_job_is_enqueued_once(bench: Bench) {
    assert!(enqueue(&bench, &job("a")).await);
    let other_text = NewJob {
        payload: "{}".to_owned(),
        ..job("a")
    };
    assert!(!enqueue(&bench, &other_text).await);
    let other_kind = NewJob {
        kind: "mail.check",
        ..job("a")
    };
    assert!(enqueue(&bench, &other_kind).await);
    assert_eq!(
        bench.store.due_job_kinds().await.unwrap(),
        ["mail.check", "mail.send"]
    );
    let claimed = claim_one(&bench).await;
    assert_eq!(claimed.payload, "{\"to\":\"a\"}");
    assert!(bench.store.finish_job(claimed.lease).await.unwrap());
    assert!(!enqueue(&bench, &job("a")).await, "it is remembered");
}

async fn a_job_that_does_not_fit_is_refused(bench: Bench) {
    for (what, wrong) in [
        ("key", job("")),
        ("key", job(&"k".repeat(201))),
        (
            "payload",
            NewJob {
                payload: "1".repeat(PAYLOAD_MAX_BYTES + 1),
                ..job("a")
            },
        ),
    ] {
        let error = bench.store.enqueue_job(&wrong).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Invalid(text) if text.contains(what)),
            "{error}"
        );
    }
    let no_json = NewJob {
        payload: "{".to_owned(),
        ..job("a")
    };
    assert!(bench.store.enqueue_job(&no_json).await.is_err());
    assert!(enqueue(&bench, &job("a")).await);
}

async fn a_job_is_claimed_once(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    let claimed = claim_one(&bench).await;
    assert_eq!((claimed.attempt, claimed.attempts_max), (1, 3));
    assert_eq!(claim(&bench, "w2", 5).await, []);
    assert!(bench.store.due_job_kinds().await.unwrap().is_empty());
    let (row, payload) = bench.store.job(claimed.lease.job).await.unwrap().unwrap();
    assert_eq!(row.state, JobState::Running);
    assert_eq!(row.worker.as_deref(), Some("w1"));
    assert_eq!(payload, "{\"to\":\"a\"}");
    assert!(bench.store.finish_job(claimed.lease).await.unwrap());
    assert!(!bench.store.finish_job(claimed.lease).await.unwrap());
    assert_eq!(state(&bench, claimed.lease.job).await, JobState::Done);
}

async fn what_is_due_longest_comes_first(bench: Bench) {
    for key in ["c", "a", "b"] {
        enqueue(&bench, &job(key)).await;
    }
    bench
        .tamper("UPDATE jobs SET due_at_ms = 1 WHERE job_key = 'b'")
        .await;
    bench
        .tamper("UPDATE jobs SET due_at_ms = 2 WHERE job_key = 'a'")
        .await;
    let keys: Vec<String> = claim(&bench, "w1", 2)
        .await
        .into_iter()
        .map(|job| job.key)
        .collect();
    assert_eq!(keys, ["b", "a"]);
}

async fn workers_share_what_is_due(bench: Bench) {
    for number in 0..40 {
        enqueue(&bench, &job(&format!("{number}"))).await;
    }
    let claims = ["w1", "w2", "w3", "w4"].map(|worker| {
        let bench = bench.clone();
        tokio::spawn(async move {
            let mut keys = Vec::new();
            loop {
                let claimed = claim(&bench, worker, 3).await;
                if claimed.is_empty() {
                    return keys;
                }
                keys.extend(claimed.into_iter().map(|job| job.key));
            }
        })
    });
    let mut seen = Vec::new();
    for claim in claims {
        seen.extend(claim.await.unwrap());
    }
    // One that found the rest locked has stopped; the others have not.
    let different: BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), different.len()), (40, 40));
}

async fn a_job_waits_for_its_time(bench: Bench) {
    let later = NewJob {
        delay_ms: 3_600_000,
        ..job("a")
    };
    enqueue(&bench, &later).await;
    assert!(bench.store.due_job_kinds().await.unwrap().is_empty());
    assert_eq!(claim(&bench, "w1", 5).await, []);
    bench
        .tamper("UPDATE jobs SET due_at_ms = 1, created_at_ms = 7")
        .await;
    let claimed = claim_one(&bench).await;
    assert!(claimed.waited_ms > 0);
    assert_eq!(claimed.created_at_ms, 7, "who does it knows how old it is");
}

async fn a_failed_attempt_is_repeated_and_the_last_one_kills(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    for attempt in 1..=3 {
        let claimed = claim_one(&bench).await;
        assert_eq!(claimed.attempt, attempt);
        let why = format!("no answer to attempt {attempt}\0 and more");
        assert!(
            bench
                .store
                .fail_attempt(claimed.lease, &why, 0)
                .await
                .unwrap()
        );
    }
    assert_eq!(claim(&bench, "w1", 5).await, []);
    let dead = bench.store.jobs(&all()).await.unwrap().remove(0);
    assert_eq!(dead.state, JobState::Dead);
    assert_eq!(dead.last_error.as_deref(), Some("no answer to attempt 3"));
    assert!(dead.ended_at_ms.is_some());
    // A failure for good takes no further attempts.
    enqueue(&bench, &job("b")).await;
    let claimed = claim_one(&bench).await;
    let cut = "ä".repeat(3_000);
    assert!(
        bench
            .store
            .dead_letter_job(claimed.lease, &cut)
            .await
            .unwrap()
    );
    assert_eq!(state(&bench, claimed.lease.job).await, JobState::Dead);
}

async fn a_lease_that_ended_is_taken_back(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    let first = claim_one(&bench).await;
    assert_eq!(bench.store.reclaim_jobs().await.unwrap(), 0);
    bench.tamper(END_LEASES).await;
    assert_eq!(bench.store.reclaim_jobs().await.unwrap(), 1);
    let second = claim_one(&bench).await;
    assert_eq!(second.attempt, 2);
    assert!(second.lease.fence > first.lease.fence);
    let (row, _) = bench.store.job(second.lease.job).await.unwrap().unwrap();
    assert!(row.last_error.unwrap().contains("w1"));
}

async fn a_worker_that_was_away_changes_nothing(bench: Bench) {
    enqueue(&bench, &job("a")).await;
    let old = claim_one(&bench).await.lease;
    bench.tamper(END_LEASES).await;
    bench.store.reclaim_jobs().await.unwrap();
    // While it waits, and while another worker has it.
    for round in 0..2 {
        let store = &bench.store;
        let before = store.job(old.job).await.unwrap();
        assert!(!store.finish_job(old).await.unwrap(), "{round}");
        assert!(!store.fail_attempt(old, "late", 0).await.unwrap());
        assert!(!store.dead_letter_job(old, "late").await.unwrap());
        assert!(!store.finish_cancelled_job(old).await.unwrap());
        assert!(!store.release_job(old).await.unwrap());
        let renewal = store.renew_job(old, LEASE_MS, Some("late")).await.unwrap();
        assert_eq!(renewal, Renewal::Lost);
        assert_eq!(store.job(old.job).await.unwrap(), before);
        if round == 0 {
            claim_one(&bench).await;
        }
    }
}

async fn the_last_attempt_that_nobody_ends_kills(bench: Bench) {
    enqueue(
        &bench,
        &NewJob {
            attempts_max: 1,
            ..job("a")
        },
    )
    .await;
    let claimed = claim_one(&bench).await;
    bench.tamper(END_LEASES).await;
    bench.store.reclaim_jobs().await.unwrap();
    assert_eq!(state(&bench, claimed.lease.job).await, JobState::Dead);
}

async fn jobs_are_listed_and_counted(bench: Bench) {
    for key in ["a", "b", "c"] {
        enqueue(&bench, &job(key)).await;
    }
    let other = NewJob {
        kind: "refund",
        ..job("d")
    };
    enqueue(&bench, &other).await;
    let claimed = bench
        .store
        .claim_jobs("refund", "w1", LEASE_MS, 1)
        .await
        .unwrap();
    bench
        .store
        .dead_letter_job(claimed[0].lease, "x")
        .await
        .unwrap();

    let page = |after, limit| JobFilter {
        after,
        limit,
        ..JobFilter::default()
    };
    let first = bench.store.jobs(&page(None, 3)).await.unwrap();
    let keys: Vec<&str> = first.iter().map(|job| job.key.as_str()).collect();
    assert_eq!(keys, ["d", "c", "b"]);
    let second = bench
        .store
        .jobs(&page(Some(first[2].job_id), 3))
        .await
        .unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].key, "a");
    let dead = JobFilter {
        state: Some(JobState::Dead),
        kind: Some("refund".to_owned()),
        ..all()
    };
    assert_eq!(bench.store.jobs(&dead).await.unwrap().len(), 1);

    bench
        .tamper("UPDATE jobs SET due_at_ms = 1 WHERE job_key = 'b'")
        .await;
    let counts = bench.store.job_counts().await.unwrap();
    let counted: Vec<(&str, JobState, u64)> = counts
        .iter()
        .map(|count| (count.kind.as_str(), count.state, count.jobs))
        .collect();
    assert_eq!(
        counted,
        [
            ("mail.send", JobState::Waiting, 3),
            ("refund", JobState::Dead, 1)
        ]
    );
    assert!(counts[0].overdue_ms > 1_000_000);
    assert_eq!(counts[1].overdue_ms, 0);
}

fn all() -> JobFilter {
    JobFilter {
        limit: 100,
        ..JobFilter::default()
    }
}
