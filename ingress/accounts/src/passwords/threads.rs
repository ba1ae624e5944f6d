//! The threads that compute passwords.
//!
//! A hash takes a quarter of a second on purpose. On the threads that serve requests, a crowd that signs
//! in before a sale would stop the sale. So it has threads of its own, which stand back behind the ones
//! that sell, and a queue with an end: who comes when it is full is told at once when to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use onsale_private::Private;
use onsale_store::account::PasswordHash;
use tokio::sync::oneshot;

use super::hash::{self, HashError};

/// How much the threads stand back behind the ones that sell.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// What a hash is thought to take before one was computed, in milliseconds.
const FIRST_GUESS_MS: u64 = 300;
/// Longest time after which a caller is asked to come back, in seconds.
const RETRY_AFTER_MAX_SECONDS: u64 = 60;
/// How slowly the mean follows what was measured: a sixteenth of each.
const MEAN_SHIFT: u32 = 4;

/// Why a password was not computed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full.
    #[error("too many passwords are being checked; try again in {retry_after_seconds} s")]
    Busy {
        /// When there should be room, in seconds.
        retry_after_seconds: u64,
    },
    /// A stored hash that nothing here has written, a thread that is gone, or no random bytes.
    #[error("a password cannot be checked: {0}")]
    Failed(String),
}

impl From<HashError> for PasswordError {
    fn from(error: HashError) -> Self {
        Self::Failed(error.to_string())
    }
}

enum Work {
    Hash {
        password: Private,
        answer: oneshot::Sender<Result<PasswordHash, HashError>>,
    },
    Verify {
        password: Private,
        hash: PasswordHash,
        answer: oneshot::Sender<Result<bool, HashError>>,
    },
}

/// See the module. Cheap to clone; the threads end with the last one.
#[derive(Clone)]
pub struct PasswordThreads {
    queue: Sender<Work>,
    threads: usize,
    cost: u32,
    mean_ms: Arc<AtomicU64>,
}

impl PasswordThreads {
    /// Starts `threads` of them with room for `queue_max` passwords that wait; new hashes get this
    /// cost.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize, queue_max: usize, cost: u32) -> std::io::Result<Self> {
        let (queue, waiting) = bounded(queue_max.max(1));
        let mean_ms = Arc::new(AtomicU64::new(FIRST_GUESS_MS));
        for number in 0..threads.max(1) {
            let (waiting, mean_ms) = (waiting.clone(), mean_ms.clone());
            thread::Builder::new()
                .name(format!("onsale-passwd{number}"))
                .spawn(move || work(&waiting, cost, &mean_ms))?;
        }
        Ok(Self {
            queue,
            threads: threads.max(1),
            cost,
            mean_ms,
        })
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn hash(&self, password: &Private) -> Result<PasswordHash, PasswordError> {
        let password = password.clone();
        let (answer, answered) = oneshot::channel();
        self.send(Work::Hash { password, answer })?;
        Ok(answered.await.map_err(|_| gone())??)
    }

    /// Whether a password is the one of `hash`; never where there is none, which takes as long.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn verify(
        &self,
        password: &Private,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let is_there = hash.is_some();
        let (answer, answered) = oneshot::channel();
        self.send(Work::Verify {
            password: password.clone(),
            hash: hash.cloned().unwrap_or_else(|| hash::nobodys(self.cost)),
            answer,
        })?;
        let is_right = answered.await.map_err(|_| gone())??;
        Ok(is_there && is_right)
    }

    /// Whether a hash has the cost of new ones.
    pub(crate) fn is_of_cost(&self, hash: &PasswordHash) -> bool {
        hash::cost(hash) == Some(self.cost)
    }

    /// Passwords that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn send(&self, work: Work) -> Result<(), PasswordError> {
        match self.queue.try_send(work) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(PasswordError::Busy {
                retry_after_seconds: self.retry_after_seconds(),
            }),
            Err(TrySendError::Disconnected(_)) => Err(gone()),
        }
    }

    /// When the queue as it is now will have been worked off.
    fn retry_after_seconds(&self) -> u64 {
        let waiting = u64::try_from(self.waiting()).unwrap_or(u64::MAX);
        let threads = u64::try_from(self.threads).unwrap_or(1);
        let ms = waiting.saturating_mul(self.mean_ms.load(Ordering::Relaxed)) / threads;
        ms.div_ceil(1_000).clamp(1, RETRY_AFTER_MAX_SECONDS)
    }
}

fn gone() -> PasswordError {
    PasswordError::Failed("its thread is gone".to_owned())
}

fn work(waiting: &Receiver<Work>, cost: u32, mean_ms: &AtomicU64) {
    stand_back();
    while let Ok(work) = waiting.recv() {
        let began = Instant::now();
        // Whoever hung up while waiting costs nothing.
        match work {
            Work::Hash { password, answer } if !answer.is_closed() => {
                let _hung_up = answer.send(hash::hash(&password, cost));
            }
            Work::Verify {
                password,
                hash,
                answer,
            } if !answer.is_closed() => {
                let _hung_up = answer.send(hash::verify(&password, &hash));
            }
            Work::Hash { .. } | Work::Verify { .. } => continue,
        }
        follow(mean_ms, began.elapsed());
    }
}

fn follow(mean_ms: &AtomicU64, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let before = mean_ms.load(Ordering::Relaxed);
    let mean = (before - (before >> MEAN_SHIFT)).saturating_add(took_ms >> MEAN_SHIFT);
    mean_ms.store(mean.max(1), Ordering::Relaxed);
}

/// On Linux a priority belongs to a thread; elsewhere nothing is changed.
fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        let thread = Some(rustix::thread::gettid());
        if let Err(error) = rustix::process::setpriority_process(thread, NICENESS) {
            tracing::debug!(%error, "the threads of passwords keep their priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn a_password_is_right_or_wrong_and_nobodys_is_wrong() {
        let threads = PasswordThreads::start(2, 8, 4).unwrap();
        let (right, wrong) = (Private::new("right"), Private::new("wrong"));
        let hash = threads.hash(&right).await.unwrap();
        assert_eq!(threads.verify(&right, Some(&hash)).await, Ok(true));
        assert_eq!(threads.verify(&wrong, Some(&hash)).await, Ok(false));
        assert_eq!(threads.verify(&right, None).await, Ok(false));
        let foreign = PasswordHash::new("?");
        let failed = threads.verify(&right, Some(&foreign)).await;
        assert!(
            matches!(failed, Err(PasswordError::Failed(_))),
            "{failed:?}"
        );
    }

    #[test]
    fn a_full_queue_is_busy_at_once_and_those_who_hung_up_cost_nothing() {
        // No thread takes anything out.
        let (queue, waiting) = bounded(2);
        let threads = PasswordThreads {
            queue,
            threads: 1,
            cost: 4,
            mean_ms: Arc::new(AtomicU64::new(600)),
        };
        let password = Private::new("any");
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            let mut asked = pin!(threads.verify(&password, None));
            assert!(asked.as_mut().poll(&mut context).is_pending());
        }
        let refused = {
            let mut asked = pin!(threads.hash(&password));
            asked.as_mut().poll(&mut context).map(Result::unwrap_err)
        };
        let busy = PasswordError::Busy {
            retry_after_seconds: 2,
        };
        assert_eq!(refused, std::task::Poll::Ready(busy));
        // Both callers are gone, so the mean stays what it was.
        let mean_ms = threads.mean_ms.clone();
        drop(threads);
        work(&waiting, 4, &mean_ms);
        assert_eq!(mean_ms.load(Ordering::Relaxed), 600);
    }

    #[test]
    fn the_mean_follows_what_is_measured() {
        let mean_ms = AtomicU64::new(FIRST_GUESS_MS);
        for _ in 0..200 {
            follow(&mean_ms, Duration::from_millis(1_600));
        }
        let mean = mean_ms.load(Ordering::Relaxed);
        assert!((1_500..=1_700).contains(&mean), "{mean}");
    }
}
