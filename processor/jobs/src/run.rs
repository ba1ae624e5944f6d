//! One attempt at a job, from its claim to its end.

use std::sync::Arc;
use std::time::Duration;

use onsale_store::job::{ClaimedJob, Lease, Renewal};
use onsale_store::{Store, StoreError};
use tokio::task::JoinError;
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::Attempt;
use crate::backoff;
use crate::handler::Failure;
use crate::kind::Kind;
use crate::metrics::Metrics;

/// How often a lease is renewed while it lasts.
const RENEWALS_PER_LEASE: u32 = 3;
/// Pause before recording the result of a job is tried again.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);
/// How long recording the result of a job may take once the worker gives up.
const SETTLE_PATIENCE: Duration = Duration::from_secs(5);

/// What an attempt came to.
enum End {
    Done,
    Failed(Failure),
    Cancelled,
    Lost,
    Stopped,
}

impl End {
    /// Its name in metrics.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(Failure::Later(_) | Failure::After(..)) => "failed",
            Self::Failed(Failure::Never(_)) => "dead",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Stopped => "released",
        }
    }
}

/// Runs one claimed job and records its result. `give_up` ends it halfway.
pub(crate) async fn run(
    store: Store,
    kind: Kind,
    job: ClaimedJob,
    metrics: Metrics,
    give_up: CancellationToken,
) {
    metrics.began(kind.name, job.waited_ms);
    let began = Instant::now();
    let attempt = Arc::new(Attempt::of(&job));
    let (end, held_until) = work(&store, &kind, job.lease, &attempt, &give_up).await;
    metrics.ended(kind.name, end.as_str(), began.elapsed());
    tell(&kind, &job, &end);
    settle(&store, &job, &end, held_until, &give_up).await;
}

/// Runs the handler and keeps the lease. Returns how it ended and until when the lease is held.
async fn work(
    store: &Store,
    kind: &Kind,
    lease: Lease,
    attempt: &Arc<Attempt>,
    give_up: &CancellationToken,
) -> (End, Instant) {
    let mut handler = start(kind, attempt);
    let lease_ms = u64::try_from(kind.lease.as_millis()).unwrap_or(u64::MAX);
    let mut renew = tokio::time::interval(kind.lease / RENEWALS_PER_LEASE);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The claim was the first.
    renew.tick().await;
    let mut held_until = Instant::now() + kind.lease;
    loop {
        tokio::select! {
            joined = &mut handler => return (end_of(joined), held_until),
            () = give_up.cancelled() => {
                stop(handler).await;
                return (End::Stopped, held_until);
            }
            _ = renew.tick() => {}
        }
        // Counted from before the call: the database may have answered long ago.
        let asked = Instant::now();
        let progress = attempt.take_progress();
        // A renewal that nobody waits for any more goes on by itself.
        let renewal = store.renew_job(lease, lease_ms, progress.as_deref());
        let renewed = tokio::select! {
            joined = &mut handler => return (end_of(joined), held_until),
            () = give_up.cancelled() => {
                stop(handler).await;
                return (End::Stopped, held_until);
            }
            renewed = timeout_at(held_until, renewal) => renewed,
        };
        let end = match renewed {
            Ok(Ok(Renewal::Held)) => {
                held_until = asked + kind.lease;
                continue;
            }
            Ok(Ok(Renewal::Cancelled)) => End::Cancelled,
            Ok(Ok(Renewal::Lost)) => End::Lost,
            Ok(Err(error)) if Instant::now() < held_until => {
                tracing::debug!(kind = kind.name, job = %lease.job, %error, "lease not renewed yet");
                attempt.return_progress(progress);
                continue;
            }
            // Another worker may have the job by now.
            Ok(Err(_)) | Err(_) => End::Lost,
        };
        stop(handler).await;
        return (end, held_until);
    }
}

fn start(kind: &Kind, attempt: &Arc<Attempt>) -> AbortOnDropHandle<Result<(), Failure>> {
    let (handler, attempt) = (kind.handler.clone(), attempt.clone());
    // A task of its own, so that a panic is a failed attempt.
    AbortOnDropHandle::new(tokio::spawn(async move { handler.run(&attempt).await }))
}

fn end_of(joined: Result<Result<(), Failure>, JoinError>) -> End {
    match joined {
        Ok(Ok(())) => End::Done,
        Ok(Err(failure)) => End::Failed(failure),
        Err(error) => End::Failed(Failure::Later(format!("the handler failed: {error}"))),
    }
}

async fn stop(handler: AbortOnDropHandle<Result<(), Failure>>) {
    handler.abort();
    // Its result no longer counts. A write that it had begun may still be under way when another
    // worker starts: handlers are written so that a repeat is harmless.
    let _ended = handler.await;
}

fn tell(kind: &Kind, job: &ClaimedJob, end: &End) {
    let (kind, id, attempt) = (kind.name, job.lease.job, job.attempt);
    match end {
        End::Done => tracing::debug!(kind, job = %id, attempt, "job done"),
        End::Stopped => tracing::debug!(kind, job = %id, attempt, "job released"),
        End::Cancelled => tracing::info!(kind, job = %id, attempt, "job cancelled"),
        End::Lost => {
            tracing::warn!(kind, job = %id, attempt, "lease of a job lost: another worker continues")
        }
        End::Failed(Failure::Later(why) | Failure::After(_, why))
            if job.attempt < job.attempts_max =>
        {
            tracing::info!(kind, job = %id, attempt, why, "attempt at a job failed");
        }
        End::Failed(Failure::Later(why) | Failure::After(_, why) | Failure::Never(why)) => {
            tracing::error!(
                kind, job = %id, attempt, why,
                "job given up: inspect it with `onsale jobs show`, then `onsale jobs retry`"
            );
        }
    }
}

/// Records the result: for as long as the lease is held, but once only after `give_up`, for
/// [`SETTLE_PATIENCE`]. If that fails, the job is released when its lease ends, and done again.
async fn settle(
    store: &Store,
    job: &ClaimedJob,
    end: &End,
    held_until: Instant,
    give_up: &CancellationToken,
) {
    let lease = job.lease;
    loop {
        let overdue = async {
            give_up.cancelled().await;
            sleep(SETTLE_PATIENCE).await;
        };
        let settled = tokio::select! {
            settled = record(store, job, end) => settled,
            () = overdue => {
                tracing::warn!(job = %lease.job, "the result of a job was not recorded in time for the stop");
                return;
            }
        };
        match settled {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(job = %lease.job, "the lease had ended: the job is done again");
                return;
            }
            Err(error) if give_up.is_cancelled() || Instant::now() >= held_until => {
                tracing::warn!(job = %lease.job, %error, "the result of a job could not be recorded");
                return;
            }
            Err(_) => {
                let _given_up = give_up.run_until_cancelled(sleep(SETTLE_PAUSE)).await;
            }
        }
    }
}

/// False when the lease had ended.
async fn record(store: &Store, job: &ClaimedJob, end: &End) -> Result<bool, StoreError> {
    let lease = job.lease;
    match end {
        End::Done => store.finish_job(lease).await,
        End::Failed(Failure::Later(why)) => {
            let pause = backoff::pause(job.attempt, rand::random());
            store.fail_attempt(lease, why, millis(pause)).await
        }
        End::Failed(Failure::After(pause, why)) => {
            store.fail_attempt(lease, why, millis(*pause)).await
        }
        End::Failed(Failure::Never(why)) => store.dead_letter_job(lease, why).await,
        End::Cancelled => store.finish_cancelled_job(lease).await,
        End::Stopped => store.release_job(lease).await,
        // It is another worker's by now.
        End::Lost => Ok(true),
    }
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use async_trait::async_trait;
    use onsale_store::job::NewJob;
    use sqlx::Connection as _;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::handler::Handler;

    struct Endless;

    #[async_trait]
    impl Handler for Endless {
        async fn run(&self, _: &Attempt) -> Result<(), Failure> {
            std::future::pending().await
        }
    }

    fn kind(lease: Duration) -> Kind {
        Kind {
            name: "test",
            handler: Arc::new(Endless),
            concurrency: 1,
            lease,
        }
    }

    fn wanted(key: &str) -> NewJob {
        NewJob {
            kind: "test",
            key: key.to_owned(),
            payload: "{}".to_owned(),
            delay_ms: 0,
            attempts_max: 3,
        }
    }

    async fn claimed(folder: &Path) -> (Store, ClaimedJob) {
        let url = format!("sqlite://{}", folder.join("onsale.sqlite").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        assert!(store.enqueue_job(&wanted("1")).await.unwrap());
        let claimed = store.claim_jobs("test", "worker-1", 3_600_000, 1).await;
        (store, claimed.unwrap().remove(0))
    }

    /// Makes every write hang: another process keeps the lock of the database, and writes that wait for
    /// it, 10 s each, keep the turn. The task ends with the last of them.
    async fn hang(folder: &Path, store: &Store) -> (sqlx::SqliteConnection, JoinHandle<()>) {
        let url = format!("sqlite://{}", folder.join("onsale.sqlite").display());
        let mut lock = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let begun = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut lock).await;
        begun.unwrap();
        let store = store.clone();
        let hanging = tokio::spawn(async move {
            for key in ["2", "3"] {
                store.enqueue_job(&wanted(key)).await.unwrap_err();
            }
        });
        // Until the first has its turn.
        tokio::task::yield_now().await;
        (lock, hanging)
    }

    #[tokio::test]
    async fn a_lease_ends_in_time_although_its_renewal_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let (store, job) = claimed(folder.path()).await;
        let (_lock, hanging) = hang(folder.path(), &store).await;
        let (kind, attempt) = (kind(Duration::from_secs(1)), Arc::new(Attempt::of(&job)));
        let never = CancellationToken::new();
        tokio::select! {
            (end, _) = work(&store, &kind, job.lease, &attempt, &never) => {
                assert!(matches!(end, End::Lost), "{}", end.as_str());
            }
            _ = hanging => panic!("the renewal was waited for"),
        }
    }

    #[tokio::test]
    async fn a_stop_waits_neither_for_a_renewal_nor_for_a_release_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let (store, job) = claimed(folder.path()).await;
        let (_lock, hanging) = hang(folder.path(), &store).await;
        let lease = Duration::from_secs(3);
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let give_up = CancellationToken::new();
        let attempt = run(store, kind(lease), job, metrics, give_up.clone());
        let stop = async {
            // By then it renews its lease.
            sleep(lease / 2).await;
            give_up.cancel();
        };
        let stopped = async { tokio::join!(attempt, stop) };
        tokio::select! {
            ((), ()) = stopped => {}
            _ = hanging => panic!("a database that hangs was waited for"),
        }
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_database_that_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let (store, job) = claimed(folder.path()).await;
        store.close().await;
        let held_until = Instant::now() + Duration::from_secs(3_600);
        let give_up = CancellationToken::new();
        let settled = settle(&store, &job, &End::Stopped, held_until, &give_up);
        let stop = async { give_up.cancel() };
        // For ever would be an hour.
        let both = tokio::time::timeout(Duration::from_secs(60), async {
            tokio::join!(settled, stop)
        });
        both.await.unwrap();
    }
}
