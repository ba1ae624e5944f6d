//! Who forgot a password, looked for behind the answer.

use onsale_store::audit::{Actor, AuditFilter};
use onsale_store::job::JobState;
use onsale_store::reset::ResetRequest;
use uuid::Uuid;

use super::Queue;

/// Who forgot the password of an account that there is not is written down, and nothing is left to do or to see.
#[tokio::test]
async fn a_request_about_nobody_ends_like_any_other_and_is_soon_forgotten() {
    let queue = Queue::new().await;
    for number in 1..=3 {
        let request = ResetRequest {
            mail_id: Uuid::from_u128(u128::from(number)),
            address_hash: [number; 32],
            token_hash: [number; 32],
            token: "c2VhbGVk".to_owned(),
            life_ms: 3_600_000,
            by: Actor::command_line(),
        };
        assert!(queue.store.ask_for_reset(&request).await.unwrap());
    }
    queue
        .tamper(
            "UPDATE jobs SET state = 'done', ended_at_ms = 1 \
             WHERE job_id = (SELECT MIN(job_id) FROM jobs)",
        )
        .await;
    let kinds = vec![onsale_jobs::reset_requests::kind(&queue.store)];
    let worker = queue.start_as("w1", kinds, Vec::new());
    queue
        .until(|job| job.state == JobState::Done && job.ended_at_ms != Some(1))
        .await;
    worker.stop().await;
    let jobs = queue.jobs().await;
    assert_eq!(jobs.len(), 2, "the earlier one is forgotten");
    for job in jobs {
        assert_eq!(job.attempts, 1);
        assert_eq!((job.progress, job.last_error), (None, None));
    }
    let filter = AuditFilter {
        limit: 9,
        ..AuditFilter::default()
    };
    let entries = queue.store.audit(&filter).await.unwrap();
    let about: Vec<&str> = entries
        .iter()
        .map(|entry| entry.subject_id.as_str())
        .collect();
    assert_eq!(about, ["unknown", "unknown"]);
}
