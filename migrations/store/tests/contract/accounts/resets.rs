//! Who forgot a password.

use onsale_private::LookupHash;
use onsale_store::account::Purpose;
use onsale_store::audit::{Actor, AuditFilter, Unaudited};
use onsale_store::job::{JobFilter, JobState};
use onsale_store::reset::{KIND, ResetAnswer, ResetRequest, WAITING_MAX, WAITING_OF_BLOCK_MAX};

use super::{NOW_MS, add, address, password, verified};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    asking_writes_the_same_whether_or_not_there_is_an_account,
    an_answer_sends_one_link_and_says_who_asked,
    an_answer_that_is_late_or_about_nobody_sends_none,
    only_so_many_requests_wait,
    one_part_of_the_net_keeps_nobody_else_out,
    workers_that_forget_at_once_wait_for_nobody,
    answered_requests_are_forgotten_within_moments,
);

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// A request about the address of that number.
fn request(number: u8, of: LookupHash) -> ResetRequest {
    ResetRequest {
        mail_id: id(0x4000 + u64::from(number)),
        address_hash: *of.as_bytes(),
        token_hash: [number; 32],
        token: "c2VhbGVk".to_owned(),
        life_ms: HOUR_MS,
        by: Actor {
            id: None,
            role: "anonymous".to_owned(),
            tenant_id: None,
            request_id: Some("r-1".to_owned()),
            origin: Some("203.0.113.0/24".to_owned()),
        },
    }
}

/// How many rows each table has that asking or answering could write to.
async fn rows(bench: &Bench) -> Vec<String> {
    let mut rows = Vec::new();
    for count in [
        "SELECT CAST(COUNT(*) AS text) FROM jobs",
        "SELECT CAST(COUNT(*) AS text) FROM one_time_tokens",
        "SELECT CAST(COUNT(*) AS text) FROM audit",
        "SELECT CAST(COUNT(*) AS text) FROM users",
    ] {
        rows.extend(bench.texts(count).await);
    }
    rows
}

async fn subjects(bench: &Bench) -> Vec<String> {
    let filter = AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    };
    let entries = bench.store.audit(&filter).await.unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.actor.request_id.as_deref() == Some("r-1"))
    );
    entries.into_iter().map(|entry| entry.subject_id).collect()
}

async fn asking_writes_the_same_whether_or_not_there_is_an_account(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let mut payloads = Vec::new();
    for (number, of) in [(1, address(1)), (2, address(99))] {
        let asked = store.ask_for_reset(&request(number, of)).await;
        assert!(asked.unwrap());
        assert_eq!(
            rows(&bench).await,
            [number.to_string().as_str(), "0", "0", "1"]
        );
    }
    for job in store.claim_jobs(KIND, "test", MINUTE_MS, 9).await.unwrap() {
        payloads.push(job.payload);
    }
    assert_eq!(payloads.len(), 2);
    assert_eq!(payloads[0].len(), payloads[1].len());
    let is_account = |payload: &String| payload.contains(&id(1).to_string());
    assert!(!payloads.iter().any(is_account), "nobody was looked for");
}

async fn an_answer_sends_one_link_and_says_who_asked(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let asked = request(1, address(1));
    let answer = async |request: &ResetRequest, after_ms: u64| {
        let answer = store.answer_reset_request(request, NOW_MS, NOW_MS + after_ms);
        answer.await.unwrap()
    };
    assert_eq!(answer(&asked, MINUTE_MS).await, ResetAnswer::Sent);
    let purpose = Purpose::ResetPassword;
    let at = |after_ms: u64| store.one_time_token([1; 32], purpose, NOW_MS + after_ms);
    let link = at(MINUTE_MS).await.unwrap().unwrap();
    assert_eq!(link.user_id, Some(id(1)));
    assert_eq!(
        link.issued_at_ms,
        NOW_MS + MINUTE_MS,
        "from when it is sent"
    );
    assert!(at(HOUR_MS).await.unwrap().is_some());
    assert!(at(HOUR_MS + MINUTE_MS).await.unwrap().is_none());
    // A worker that dies before it has said that it is done answers again.
    assert_eq!(answer(&asked, MINUTE_MS).await, ResetAnswer::TooSoon);
    assert_eq!(answer(&asked, 10 * MINUTE_MS).await, ResetAnswer::Sent);
    let filter = JobFilter {
        limit: 9,
        ..JobFilter::default()
    };
    let mails = store.jobs(&filter).await.unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].kind, onsale_store::mail::KIND);
    assert_eq!(mails[0].key, asked.mail_id.to_string());
    // Another request, a moment later; and once the link was used.
    let next = request(2, address(1));
    assert_eq!(answer(&next, 2 * MINUTE_MS).await, ResetAnswer::TooSoon);
    let new = password(2);
    let used = store.reset_password([1; 32], &new, NOW_MS + 3 * MINUTE_MS, verified);
    assert_eq!(used.await.unwrap(), Some(id(1)));
    assert_eq!(answer(&next, 4 * MINUTE_MS).await, ResetAnswer::Sent);
}

async fn an_answer_that_is_late_or_about_nobody_sends_none(bench: Bench) {
    add(&bench, 1).await;
    add(&bench, 2).await;
    let store = &bench.store;
    let disabled = store.set_user_disabled(id(2), true, NOW_MS, Unaudited::Unattended);
    disabled.await.unwrap();
    for (number, of, after_ms, expected, subject) in [
        (1, address(99), 0, ResetAnswer::Nobody, "unknown".to_owned()),
        (2, address(2), 0, ResetAnswer::Nobody, "unknown".to_owned()),
        (
            3,
            address(1),
            HOUR_MS,
            ResetAnswer::TooLate,
            id(1).to_string(),
        ),
    ] {
        let request = request(number, of);
        let answer = store.answer_reset_request(&request, NOW_MS, NOW_MS + after_ms);
        assert_eq!(answer.await.unwrap(), expected);
        assert_eq!(subjects(&bench).await[0], subject, "the newest");
    }
    assert_eq!(rows(&bench).await, ["0", "0", "3", "2"]);
}

/// Requests that wait, by hand: so many whose keys begin so.
async fn fill(bench: &Bench, key: &str, count: u32) {
    let fill = if bench.url.starts_with("sqlite") {
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             INSERT INTO jobs (job_id, kind, job_key, payload, state, due_at_ms, attempts_max, \
             created_at_ms) SELECT randomblob(16), '{KIND}', '{key}' || i, '{{}}', 'waiting', 0, 1, 0 \
             FROM n"
        )
    } else {
        format!(
            "INSERT INTO jobs (job_id, kind, job_key, payload, state, due_at_ms, attempts_max, \
             created_at_ms) SELECT gen_random_uuid(), '{KIND}', '{key}' || i, '{{}}', 'waiting', 0, 1, 0 \
             FROM generate_series(1, {count}) AS i"
        )
    };
    bench.tamper(&fill).await;
}

async fn one_part_of_the_net_keeps_nobody_else_out(bench: Bench) {
    let store = &bench.store;
    // That of 203.0.113.0/24.
    fill(&bench, "4cb00", WAITING_OF_BLOCK_MAX - 1).await;
    let ask = async |number: u8, origin: Option<&str>| {
        let mut request = request(number, address(1));
        request.by.origin = origin.map(str::to_owned);
        store.ask_for_reset(&request).await.unwrap()
    };
    assert!(ask(1, Some("203.0.7.0/24")).await);
    assert!(!ask(2, Some("203.0.113.0/24")).await);
    assert!(!ask(3, Some("203.0.0.0/24")).await);
    for (number, elsewhere) in [
        (4, Some("203.1.113.0/24")),
        (5, Some("2001:db8:1::/56")),
        (6, None),
    ] {
        assert!(ask(number, elsewhere).await, "{elsewhere:?}");
    }
    // Once some are taken there is room.
    let taken = store.claim_jobs(KIND, "test", MINUTE_MS, 9).await.unwrap();
    assert_eq!(taken.len(), 9);
    assert!(ask(7, Some("203.0.113.0/24")).await);
}

async fn workers_that_forget_at_once_wait_for_nobody(bench: Bench) {
    let store = &bench.store;
    fill(&bench, "k", 300).await;
    bench
        .tamper("UPDATE jobs SET state = 'done', ended_at_ms = 1")
        .await;
    let (one, two, three, four) = tokio::join!(
        store.forget_answered_resets(),
        store.forget_answered_resets(),
        store.prune_jobs(MINUTE_MS, 100),
        store.forget_answered_resets(),
    );
    // Of those that one takes at this moment another may find fewer.
    let forgotten: u64 = [one, two, three, four]
        .into_iter()
        .map(Result::unwrap)
        .sum();
    let left = bench.texts("SELECT CAST(COUNT(*) AS text) FROM jobs").await;
    assert_eq!(left, [(300 - forgotten).to_string()]);
    assert!(forgotten >= 100, "{forgotten}");
}

async fn only_so_many_requests_wait(bench: Bench) {
    let store = &bench.store;
    // As many as may wait, but for one.
    fill(&bench, "k", WAITING_MAX - 1).await;
    let ask = async |number: u8| {
        let asked = store.ask_for_reset(&request(number, address(1))).await;
        asked.unwrap()
    };
    assert!(ask(1).await);
    assert!(!ask(2).await);
    let waiting = rows(&bench).await;
    assert_eq!(waiting[0], WAITING_MAX.to_string());
    // Once some are taken there is room.
    let taken = store.claim_jobs(KIND, "test", MINUTE_MS, 1).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(ask(3).await);
    assert!(!ask(4).await);
}

async fn answered_requests_are_forgotten_within_moments(bench: Bench) {
    let store = &bench.store;
    for number in 1..=3 {
        let asked = store.ask_for_reset(&request(number, address(1))).await;
        assert!(asked.unwrap());
    }
    let end = |key: u64, at: &str| {
        format!(
            "UPDATE jobs SET state = 'done', ended_at_ms = (SELECT now_ms FROM database_clock) - {at} \
             WHERE job_key LIKE '%{}'",
            id(key)
        )
    };
    bench.tamper(&end(0x4001, "120000")).await;
    bench.tamper(&end(0x4002, "1000")).await;
    assert_eq!(store.forget_answered_resets().await.unwrap(), 1);
    let filter = JobFilter {
        limit: 9,
        ..JobFilter::default()
    };
    let left = store.jobs(&filter).await.unwrap();
    let mut states: Vec<JobState> = left.iter().map(|job| job.state).collect();
    states.sort_unstable();
    assert_eq!(states, [JobState::Waiting, JobState::Done]);
}
