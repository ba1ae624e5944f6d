//! Housekeeping, and what is too old.

use onsale_schemas::{EventId, UserId};
use onsale_store::audit::Actor;
use onsale_store::catalog::{EventDetails, EventRow, EventStatus};
use onsale_store::job::{JobState, NewJob};
use onsale_store::retention::{ReportState, RetentionConfig, RetentionError};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{KIND, Queue};

#[tokio::test]
async fn housekeeping_runs_by_itself() {
    let queue = Queue::new().await;
    let kinds = vec![onsale_jobs::housekeeping::kind(&queue.store)];
    let schedules = vec![onsale_jobs::housekeeping::schedule()];
    queue.enqueue("old", "null").await;
    queue
        .tamper("UPDATE jobs SET state = 'done', ended_at_ms = 1 WHERE kind = 'test'")
        .await;
    let worker = queue.start_as("w1", kinds, schedules);
    queue
        .until(|job| job.kind == "housekeeping" && job.state == JobState::Done)
        .await;
    worker.stop().await;
}

/// Nothing else notes that an event has ended: 12 hours after its last show began.
#[tokio::test]
async fn housekeeping_notes_which_events_have_ended() {
    let queue = Queue::new().await;
    let now_ms = queue.store.clock_ms().await.unwrap();
    let begun = |hours_ago: u64| EventRow {
        event_id: EventId(Uuid::from_u128(hours_ago.into())),
        tenant_id: Uuid::from_u128(7),
        organizer_id: UserId(Uuid::from_u128(8)),
        name: format!("{hours_ago} hours ago"),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: now_ms - hours_ago * 3_600_000,
        max_tickets_per_user: 4,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 1,
        details: EventDetails::default(),
    };
    let rows = [begun(11), begun(13)];
    for row in &rows {
        queue.store.add_event(row).await.unwrap();
    }
    let kinds = vec![onsale_jobs::housekeeping::kind(&queue.store)];
    let schedules = vec![onsale_jobs::housekeeping::schedule()];
    let worker = queue.start_as("w1", kinds, schedules);
    queue.until(|job| job.state == JobState::Done).await;
    worker.stop().await;
    let mut ended = Vec::new();
    for row in &rows {
        let row = queue.store.event(row.event_id).await.unwrap().unwrap();
        ended.push(row.is_ended());
    }
    assert_eq!(ended, [false, true]);
}

/// What is wrong with the audit trail is said, and keeps nothing else from being forgotten.
#[tokio::test]
async fn housekeeping_goes_on_where_the_trail_is_damaged() {
    let queue = Queue::new().await;
    let kinds = vec![onsale_jobs::housekeeping::kind(&queue.store)];
    queue.enqueue("old", "null").await;
    queue
        .tamper(
            "UPDATE jobs SET state = 'done', ended_at_ms = 1 WHERE kind = 'test'; \
             DROP TABLE audit_chains",
        )
        .await;
    let job = NewJob {
        kind: "housekeeping",
        key: "by hand".to_owned(),
        payload: "null".to_owned(),
        delay_ms: 0,
        attempts_max: 1,
    };
    assert!(queue.store.enqueue_job(&job).await.unwrap());
    let worker = queue.start_as("w1", kinds, Vec::new());
    queue
        .until(|job| job.kind == KIND || job.state == JobState::Dead)
        .await;
    worker.stop().await;
    let job = queue.only().await;
    assert_eq!(job.kind, "housekeeping", "the old job is forgotten");
    let error = job.last_error.unwrap_or_default();
    assert!(error.contains("audit_chains"), "{error}");
}

#[tokio::test]
async fn a_report_of_what_is_too_old_waits_before_it_is_applied() {
    let queue = Queue::new().await;
    let config = RetentionConfig::default();
    let first = look_for_what_is_old(&queue, "one").await;
    assert_eq!(look_for_what_is_old(&queue, "two").await, first, "it waits");
    queue
        .tamper("UPDATE retention_reports SET created_at_ms = 1")
        .await;
    let second = look_for_what_is_old(&queue, "three").await;
    assert_ne!(second, first);
    let first = queue.store.retention_report(first).await.unwrap().unwrap();
    assert_eq!(first.state, ReportState::Applied);
    // Where operators do it, there is no schedule.
    let by_hand = RetentionConfig {
        every_hours: 0,
        ..config
    };
    assert_eq!(onsale_jobs::retention::schedule(&by_hand), None);
    assert!(onsale_jobs::retention::schedule(&config).is_some());
}

/// The job that looks for what is too old, once; the report that waits afterwards.
async fn look_for_what_is_old(queue: &Queue, key: &str) -> Uuid {
    let job = NewJob {
        kind: "retention",
        key: key.to_owned(),
        payload: "null".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    };
    assert!(queue.store.enqueue_job(&job).await.unwrap());
    let config = RetentionConfig::default();
    let kinds = vec![onsale_jobs::retention::kind(&queue.store, &config)];
    let worker = queue.start_as("w1", kinds, Vec::new());
    queue.until(|job| job.state == JobState::Done).await;
    worker.stop().await;
    let report = queue.store.unended_retention_report().await.unwrap();
    report.unwrap().report_id
}

#[tokio::test]
async fn a_report_of_yesterday_is_applied_by_the_job_of_today() {
    let queue = Queue::new().await;
    let first = look_for_what_is_old(&queue, "one").await;
    queue
        .tamper("UPDATE retention_reports SET created_at_ms = created_at_ms - 72000000")
        .await;
    assert_eq!(look_for_what_is_old(&queue, "two").await, first, "20 hours");
    // The job of the next day is some moments earlier in its slot than the report was made in its own.
    queue
        .tamper("UPDATE retention_reports SET created_at_ms = created_at_ms - 14000000")
        .await;
    let second = look_for_what_is_old(&queue, "three").await;
    assert_ne!(second, first);
    let state = async |id| {
        let report = queue.store.retention_report(id).await.unwrap();
        report.unwrap().state
    };
    assert_eq!(state(first).await, ReportState::Applied);
    // Made while the clock was a year ahead: it would wait for as long.
    queue
        .tamper(
            "UPDATE retention_reports SET created_at_ms = created_at_ms + 31622400000 \
             WHERE ended_at_ms IS NULL",
        )
        .await;
    assert_ne!(look_for_what_is_old(&queue, "four").await, second);
    assert_eq!(state(second).await, ReportState::Withdrawn);
}

#[tokio::test]
async fn two_who_apply_one_report_both_come_to_its_end() {
    let queue = Queue::new().await;
    let store = &queue.store;
    let (config, by) = (RetentionConfig::default(), Actor::command_line());
    let now_ms = store.clock_ms().await.unwrap();
    let report = store.report_retention(&config, now_ms, None).await.unwrap();
    let id = report.report_id;
    let begun = Notify::new();
    let slow = onsale_jobs::retention::apply(store, id, &by, |_| begun.notify_one());
    let mut slow = std::pin::pin!(slow);
    tokio::select! {
        biased;
        () = begun.notified() => {}
        ended = &mut slow => panic!("it has more than one step: {ended:?}"),
    }
    let fast = onsale_jobs::retention::apply(store, id, &by, |_| {}).await;
    assert_eq!(fast.unwrap().state, ReportState::Applied);
    assert_eq!(slow.await.unwrap().state, ReportState::Applied);
    // One that had ended before is no success.
    let again = onsale_jobs::retention::apply(store, id, &by, |_| {}).await;
    let error = again.unwrap_err();
    assert!(matches!(error, RetentionError::Ended { .. }), "{error}");
}
