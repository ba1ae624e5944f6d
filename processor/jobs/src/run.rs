//! One attempt at a job, from its claim to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_store::Store;
use onsale_store::job::{ClaimedJob, Lease, Renewal};
use tokio::time::MissedTickBehavior;
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
            joined = &mut handler => {
                let end = match joined {
                    Ok(Ok(())) => End::Done,
                    Ok(Err(failure)) => End::Failed(failure),
                    Err(error) => End::Failed(Failure::Later(format!("the handler failed: {error}"))),
                };
                return (end, held_until);
            }
            () = give_up.cancelled() => {
                stop(handler).await;
                return (End::Stopped, held_until);
            }
            _ = renew.tick() => {}
        }
        // Counted from before the call: the database may have answered long ago.
        let asked = Instant::now();
        let progress = attempt.take_progress();
        let end = match store.renew_job(lease, lease_ms, progress.as_deref()).await {
            Ok(Renewal::Held) => {
                held_until = asked + kind.lease;
                continue;
            }
            Ok(Renewal::Cancelled) => End::Cancelled,
            Ok(Renewal::Lost) => End::Lost,
            Err(error) if Instant::now() < held_until => {
                tracing::debug!(kind = kind.name, job = %lease.job, %error, "lease not renewed yet");
                continue;
            }
            // Another worker may have the job by now.
            Err(_) => End::Lost,
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

/// Records the result: for as long as the lease is held, but once only after `give_up`. If that fails,
/// the job is released when its lease ends, and done again.
async fn settle(
    store: &Store,
    job: &ClaimedJob,
    end: &End,
    held_until: Instant,
    give_up: &CancellationToken,
) {
    let lease = job.lease;
    loop {
        let settled = match end {
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
            End::Lost => return,
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
                let pause = tokio::time::sleep(SETTLE_PAUSE);
                let _given_up = give_up.run_until_cancelled(pause).await;
            }
        }
    }
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use onsale_store::job::NewJob;

    use super::*;

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_database_that_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("onsale.sqlite").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        let wanted = NewJob {
            kind: "test",
            key: "1".to_owned(),
            payload: "{}".to_owned(),
            delay_ms: 0,
            attempts_max: 3,
        };
        assert!(store.enqueue_job(&wanted).await.unwrap());
        let claimed = store.claim_jobs("test", "worker-1", 3_600_000, 1).await;
        let job = claimed.unwrap().remove(0);
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
