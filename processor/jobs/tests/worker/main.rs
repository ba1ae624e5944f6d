//! Workers on a real database: what runs, how often, and what becomes of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test reports"
)]

mod housekeeping;
mod logos;
mod pictures;
mod reset_requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use onsale_jobs::{Attempt, Failure, Handler, Kind, Kinds, KindsError, Metrics, Schedule, Worker};
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::job::{JobFilter, JobRow, JobState, NewJob};
use prometheus::{Encoder as _, Registry, TextEncoder};
use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const KIND: &str = "test";

/// A migrated SQLite file.
struct Queue {
    folder: TempDir,
    store: Store,
}

impl Queue {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Self::url(&folder);
        let store = Store::connect(&url, 4).await.unwrap();
        store.migrate().await.unwrap();
        Self { folder, store }
    }

    fn url(folder: &TempDir) -> String {
        format!("sqlite://{}", folder.path().join("onsale.db").display())
    }

    async fn enqueue(&self, key: &str, payload: &str) {
        let job = NewJob {
            kind: KIND,
            key: key.to_owned(),
            payload: payload.to_owned(),
            delay_ms: 0,
            attempts_max: 3,
        };
        assert!(self.store.enqueue_job(&job).await.unwrap());
    }

    async fn jobs(&self) -> Vec<JobRow> {
        let filter = JobFilter {
            limit: 1_000,
            ..JobFilter::default()
        };
        self.store.jobs(&filter).await.unwrap()
    }

    async fn only(&self) -> JobRow {
        let mut jobs = self.jobs().await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.remove(0)
    }

    /// Waits until all jobs satisfy something.
    async fn until(&self, wanted: impl Fn(&JobRow) -> bool) {
        loop {
            let jobs = self.jobs().await;
            if !jobs.is_empty() && jobs.iter().all(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a statement behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        let url = Self::url(&self.folder);
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    fn start(&self, name: &str, handler: Arc<dyn Handler>) -> Working {
        let kind = Kind {
            name: KIND,
            handler,
            concurrency: 2,
            lease: Duration::from_secs(1),
        };
        self.start_as(name, vec![kind], Vec::new())
    }

    fn start_as(&self, name: &str, kinds: Vec<Kind>, schedules: Vec<Schedule>) -> Working {
        let registry = Registry::new();
        let worker = Worker {
            store: self.store.clone(),
            name: name.to_owned(),
            kinds: Kinds::new(kinds).unwrap(),
            schedules,
            metrics: Metrics::register(&registry).unwrap(),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Working {
            registry,
            stop,
            task,
        }
    }
}

/// A worker that runs.
struct Working {
    registry: Registry,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    async fn stop(self) -> String {
        self.stop.cancel();
        self.task.await.unwrap();
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .unwrap();
        String::from_utf8(text).unwrap()
    }

    /// As `kill -9`: nothing is released.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Does what its payload says.
#[derive(Default)]
struct Obedient {
    runs: AtomicU32,
}

#[async_trait]
impl Handler for Obedient {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let what: String = attempt.payload()?;
        match what.as_str() {
            "well" => Ok(()),
            "at once" => Err(Failure::After(Duration::ZERO, "not yet".to_owned())),
            "second" if attempt.number() == 1 => {
                Err(Failure::After(Duration::ZERO, "not yet".to_owned()))
            }
            "second" => Ok(()),
            "panic" => panic!("on purpose"),
            _ => Err(Failure::Never("what is that".to_owned())),
        }
    }
}

/// Runs until it is let go.
#[derive(Default)]
struct Patient {
    began: Notify,
    may_end: Notify,
    ended: AtomicU32,
}

#[async_trait]
impl Handler for Patient {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        attempt.note_progress(format!("attempt {} began", attempt.number()));
        self.began.notify_one();
        self.may_end.notified().await;
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_job_is_done_and_counted() {
    let queue = Queue::new().await;
    for key in ["a", "b", "c"] {
        queue.enqueue(key, "\"well\"").await;
    }
    let handler = Arc::new(Obedient::default());
    let worker = queue.start("w1", handler.clone());
    queue.until(|job| job.state == JobState::Done).await;
    let metrics = worker.stop().await;
    assert_eq!(handler.runs.load(Ordering::SeqCst), 3);
    for line in [
        "onsale_job_attempts_total{kind=\"test\",outcome=\"done\"} 3",
        "onsale_jobs_overdue_seconds{kind=\"test\"}",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn attempts_fail_succeed_and_end() {
    let queue = Queue::new().await;
    queue.enqueue("second", "\"second\"").await;
    queue.enqueue("never", "\"never\"").await;
    queue.enqueue("at once", "\"at once\"").await;
    queue.enqueue("unreadable", "[1, 2]").await;
    let worker = queue.start("w1", Arc::new(Obedient::default()));
    queue
        .until(|job| matches!(job.state, JobState::Done | JobState::Dead))
        .await;
    worker.stop().await;
    for job in queue.jobs().await {
        let (state, attempts, why) = match job.key.as_str() {
            "second" => (JobState::Done, 2, None),
            "never" => (JobState::Dead, 1, Some("what is that")),
            "at once" => (JobState::Dead, 3, Some("not yet")),
            _ => (JobState::Dead, 1, Some("the payload cannot be read")),
        };
        assert_eq!((job.state, job.attempts), (state, attempts), "{job:?}");
        let error = job.last_error.unwrap_or_default();
        assert!(error.starts_with(why.unwrap_or_default()), "{error}");
    }
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt() {
    let queue = Queue::new().await;
    queue.enqueue("a", "\"panic\"").await;
    let worker = queue.start("w1", Arc::new(Obedient::default()));
    queue.until(|job| job.last_error.is_some()).await;
    worker.stop().await;
    let job = queue.only().await;
    assert!(job.last_error.unwrap().contains("on purpose"));
    assert!(job.attempts >= 1);
}

#[tokio::test]
async fn a_killed_worker_loses_its_job_to_another() {
    let queue = Queue::new().await;
    queue.enqueue("a", "null").await;
    let handler = Arc::new(Patient::default());
    let first = queue.start("w1", handler.clone());
    handler.began.notified().await;
    first.kill().await;
    queue
        .tamper("UPDATE jobs SET lease_until_ms = 1 WHERE state = 'running'")
        .await;
    let second = queue.start("w2", handler.clone());
    handler.began.notified().await;
    assert_eq!(queue.only().await.attempts, 2);
    handler.may_end.notify_waiters();
    queue.until(|job| job.state == JobState::Done).await;
    second.stop().await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_the_job() {
    let queue = Queue::new().await;
    queue.enqueue("a", "null").await;
    let handler = Arc::new(Patient::default());
    let worker = queue.start("w1", handler.clone());
    handler.began.notified().await;
    // Another worker claims it.
    queue
        .tamper(
            "UPDATE jobs SET fence = fence + 1, worker = 'w2', lease_until_ms = 9000000000000000",
        )
        .await;
    loop {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&worker.registry.gather(), &mut text)
            .unwrap();
        if String::from_utf8(text)
            .unwrap()
            .contains("outcome=\"lost\"")
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let job = queue.only().await;
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.worker.as_deref(), Some("w2"));
    worker.stop().await;
    assert_eq!(handler.ended.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_long_job_keeps_its_lease_and_tells_its_progress() {
    let queue = Queue::new().await;
    queue.enqueue("a", "null").await;
    let handler = Arc::new(Patient::default());
    let worker = queue.start("w1", handler.clone());
    handler.began.notified().await;
    let first = queue.only().await.lease_until_ms;
    queue.until(|job| job.lease_until_ms > first).await;
    let job = queue.only().await;
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.progress.as_deref(), Some("attempt 1 began"));
    handler.may_end.notify_waiters();
    queue.until(|job| job.state == JobState::Done).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_running_job_is_cancelled() {
    let queue = Queue::new().await;
    queue.enqueue("a", "null").await;
    let handler = Arc::new(Patient::default());
    let worker = queue.start("w1", handler.clone());
    handler.began.notified().await;
    assert!(
        queue
            .store
            .cancel_job(queue.only().await.job_id, Unaudited::Unattended)
            .await
            .unwrap()
    );
    queue.until(|job| job.state == JobState::Cancelled).await;
    worker.stop().await;
    assert_eq!(handler.ended.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_worker_that_stops_gives_back_what_it_cannot_end() {
    let queue = Queue::new().await;
    queue.enqueue("a", "null").await;
    let handler = Arc::new(Patient::default());
    let worker = queue.start("w1", handler.clone());
    handler.began.notified().await;
    worker.stop().await;
    let job = queue.only().await;
    assert_eq!((job.state, job.attempts), (JobState::Waiting, 0));
}

/// Counts how many run at once.
struct Crowd {
    inside: AtomicU32,
    most: AtomicU32,
    gate: Semaphore,
}

#[async_trait]
impl Handler for Crowd {
    async fn run(&self, _attempt: &Attempt) -> Result<(), Failure> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.inside.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn no_more_than_its_number_run_at_once_and_other_kinds_go_on() {
    let queue = Queue::new().await;
    for number in 0..6 {
        queue.enqueue(&format!("{number}"), "null").await;
    }
    let other = NewJob {
        kind: "other",
        key: "a".to_owned(),
        payload: "\"well\"".to_owned(),
        delay_ms: 0,
        attempts_max: 1,
    };
    queue.store.enqueue_job(&other).await.unwrap();
    let unknown = NewJob {
        kind: "of a newer program",
        ..other.clone()
    };
    queue.store.enqueue_job(&unknown).await.unwrap();
    let crowd = Arc::new(Crowd {
        inside: AtomicU32::new(0),
        most: AtomicU32::new(0),
        gate: Semaphore::new(0),
    });
    let kind = |name, handler: Arc<dyn Handler>| Kind {
        name,
        handler,
        concurrency: 2,
        lease: Duration::from_secs(5),
    };
    let kinds = vec![
        kind(KIND, crowd.clone()),
        kind("other", Arc::new(Obedient::default())),
    ];
    let worker = queue.start_as("w1", kinds, Vec::new());
    // All places of the crowd are taken, and none gets free.
    queue
        .until(|job| job.kind != "other" || job.state == JobState::Done)
        .await;
    crowd.gate.add_permits(6);
    queue
        .until(|job| job.kind == "of a newer program" || job.state == JobState::Done)
        .await;
    worker.stop().await;
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
    let left = queue.jobs().await;
    let unknown = left.iter().find(|job| job.kind == "of a newer program");
    assert_eq!(unknown.unwrap().state, JobState::Waiting);
}

#[tokio::test]
async fn two_workers_do_what_is_scheduled_once() {
    let queue = Queue::new().await;
    let handler = Arc::new(Obedient::default());
    let schedule = Schedule {
        kind: KIND,
        every: Duration::from_secs(1_000_000_000),
        attempts_max: 1,
    };
    let workers = ["w1", "w2"].map(|name| {
        let kind = Kind {
            name: KIND,
            handler: handler.clone(),
            concurrency: 1,
            lease: Duration::from_secs(5),
        };
        queue.start_as(name, vec![kind], vec![schedule])
    });
    // Its payload is not what the handler expects: it ends, which is all that is asked here.
    queue.until(|job| job.state == JobState::Dead).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(queue.jobs().await.len(), 1);
}

#[test]
fn kinds_are_checked() {
    let kind = |concurrency, lease_s| Kind {
        name: KIND,
        handler: Arc::new(Obedient::default()),
        concurrency,
        lease: Duration::from_secs(lease_s),
    };
    let error = |kinds| Kinds::new(kinds).err();
    assert_eq!(
        error(vec![kind(1, 1), kind(2, 2)]),
        Some(KindsError::Twice(KIND))
    );
    assert_eq!(error(vec![kind(0, 9)]), Some(KindsError::Unusable(KIND)));
    assert_eq!(error(vec![kind(1, 0)]), Some(KindsError::Unusable(KIND)));
    assert_eq!(error(vec![kind(1, 1)]), None);
}
