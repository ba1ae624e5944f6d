//! The worker: claims what is due and runs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use onsale_store::{Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kind::Kinds;
use crate::metrics::Metrics;
use crate::run::run;
use crate::schedule::Schedule;

/// How often the queue is polled.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often leases are released, schedules checked and jobs counted.
const TEND_EVERY: Duration = Duration::from_secs(10);
/// How long running jobs may continue once the worker has to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a claim under way is waited for before that.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);

/// Claims jobs of the kinds it knows and runs them, until it is stopped.
pub struct Worker {
    /// The queue.
    pub store: Store,
    /// Who it is, as leases name it.
    pub name: String,
    /// What it can do. Jobs of other kinds are left to workers that know them.
    pub kinds: Kinds,
    /// What it enqueues by the clock.
    pub schedules: Vec<Schedule>,
    /// What it counts.
    pub metrics: Metrics,
}

impl Worker {
    /// Works until `stop`; a claim under way is then waited for up to five seconds, running jobs have
    /// five more to end, and after that each is released, for which there are five again.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = Running::new(&self.kinds);
        let mut tended: Option<Instant> = None;
        let mut is_reachable = true;
        while !stop.is_cancelled() {
            let mut result = Ok(());
            if tended.is_none_or(|at| at.elapsed() >= TEND_EVERY) {
                tended = Some(Instant::now());
                // Nothing of it needs to be finished.
                result = match stop.run_until_cancelled(self.tend()).await {
                    Some(tended) => tended,
                    None => break,
                };
            }
            if result.is_ok() {
                let overdue = async {
                    stop.cancelled().await;
                    tokio::time::sleep(CLAIM_PATIENCE).await;
                };
                result = tokio::select! {
                    claimed = self.claim(&mut running, &stop) => claimed,
                    // The database is silent. What it claims all the same waits for its lease to end.
                    () = overdue => break,
                };
            }
            // Said once, not every second.
            match (&result, is_reachable) {
                (Err(error), true) => tracing::warn!(%error, "jobs wait: the queue cannot be read"),
                (Ok(()), false) => tracing::info!("jobs go on"),
                _ => {}
            }
            is_reachable = result.is_ok();
            // Several workers should not poll at the same moment.
            let pause = LOOK_EVERY.mul_f64(0.8 + 0.4 * rand::random::<f64>());
            tokio::select! {
                () = stop.cancelled() => {}
                // There is room for another one.
                Some(_) = running.tasks.join_next() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        running.drain().await;
    }

    async fn tend(&self) -> Result<(), StoreError> {
        let lost = self.store.reclaim_jobs().await?;
        if lost > 0 {
            tracing::warn!(
                jobs = lost,
                "leases of workers that did not come back ended"
            );
        }
        for schedule in &self.schedules {
            schedule.enqueue(&self.store).await?;
        }
        let counts = self.store.open_job_counts().await?;
        let kinds = self.kinds.iter().map(|kind| kind.name);
        self.metrics.counted(kinds, &counts);
        Ok(())
    }

    /// Claims what is due. A claim under way is waited for after `stop`, too: its jobs would stand
    /// still until their leases end.
    async fn claim(
        &self,
        running: &mut Running,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let due = self.store.due_job_kinds().await?;
        for kind in self.kinds.iter() {
            if stop.is_cancelled() {
                break;
            }
            if !due.iter().any(|name| name == kind.name) {
                continue;
            }
            let permits = running.room_for(kind.name);
            let limit = u32::try_from(permits.len()).unwrap_or(u32::MAX);
            if limit == 0 {
                continue;
            }
            let lease_ms = u64::try_from(kind.lease.as_millis()).unwrap_or(u64::MAX);
            let jobs = self
                .store
                .claim_jobs(kind.name, &self.name, lease_ms, limit)
                .await?;
            for (job, permit) in jobs.into_iter().zip(permits) {
                let attempt = run(
                    self.store.clone(),
                    kind.clone(),
                    job,
                    self.metrics.clone(),
                    running.give_up.clone(),
                );
                running.tasks.spawn(async move {
                    attempt.await;
                    drop(permit);
                });
            }
        }
        Ok(())
    }
}

/// Running jobs, and how many more may start.
struct Running {
    tasks: JoinSet<()>,
    room: BTreeMap<&'static str, Arc<Semaphore>>,
    give_up: CancellationToken,
}

impl Running {
    fn new(kinds: &Kinds) -> Self {
        let room = kinds
            .iter()
            .map(|kind| {
                let places = usize::try_from(kind.concurrency).unwrap_or(usize::MAX);
                (kind.name, Arc::new(Semaphore::new(places)))
            })
            .collect();
        Self {
            tasks: JoinSet::new(),
            room,
            give_up: CancellationToken::new(),
        }
    }

    /// All the room that there is for a kind.
    fn room_for(&self, kind: &str) -> Vec<OwnedSemaphorePermit> {
        self.room
            .get(kind)
            .map(|room| std::iter::from_fn(|| room.clone().try_acquire_owned().ok()).collect())
            .unwrap_or_default()
    }

    async fn drain(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            self.give_up.cancel();
            while self.tasks.join_next().await.is_some() {}
        }
    }
}
