//! Writes outcomes into the relational store, in order, each once.
//!
//! At-least-once delivery in, exactly-once effect out: the store keeps the watermark in the same
//! transaction as the rows. A store that is down is waited for; a store that contradicts the log
//! (a double sale, a gap) stops the projection loudly and for good. Neither slows a sale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId};
use onsale_store::projection::ProjectionBatch;
use onsale_store::{Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::metrics::Metrics;

/// First wait after a failed write, in milliseconds; doubles up to [`RETRY_MAX_MS`].
const RETRY_FIRST_MS: u64 = 100;
/// Longest wait between tries, in milliseconds.
const RETRY_MAX_MS: u64 = 5_000;
/// How often a database that stays away is mentioned again, in milliseconds.
const REMIND_EVERY_MS: u64 = 60_000;
/// Batches that may wait between follower and projector. More than a few only cost memory: when
/// the store is slow the follower waits and reads the log again later.
pub const BATCHES_QUEUED_MAX: usize = 8;
/// Records that one transaction covers at most; smaller batches of a partition are joined up to it.
const RECORDS_PER_TRANSACTION_MAX: u64 = 8_192;

/// Where the projection stands, readable from anywhere.
#[derive(Clone, Debug)]
pub struct Projected {
    offsets: watch::Receiver<Vec<Offset>>,
    stopped: Arc<AtomicBool>,
    unreachable: Arc<AtomicBool>,
}

impl Projected {
    /// Every record of the partition before this offset is in the store.
    pub fn offset(&self, partition: PartitionId) -> Offset {
        self.offsets
            .borrow()
            .get(usize::from(partition.0))
            .copied()
            .unwrap_or(0)
    }

    /// True once the projector refused to go on.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// True while the store does not take what is written.
    pub fn is_unreachable(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// Waits until the record at `offset` is in the store; false when `patience` ran out first.
    pub async fn wait_for(
        &self,
        partition: PartitionId,
        offset: Offset,
        patience: Duration,
    ) -> bool {
        let mut offsets = self.offsets.clone();
        let index = usize::from(partition.0);
        let passed = offsets.wait_for(|all| all.get(index).is_some_and(|next| *next > offset));
        matches!(tokio::time::timeout(patience, passed).await, Ok(Ok(_)))
    }
}

/// The writing half: a task that takes batches from the follower.
#[derive(Debug)]
pub struct Projector {
    store: Store,
    metrics: Metrics,
    offsets: watch::Sender<Vec<Offset>>,
    stopped: Arc<AtomicBool>,
    unreachable: Arc<AtomicBool>,
}

impl Projector {
    /// A projector that begins at these offsets, one per partition.
    pub fn new(store: Store, metrics: Metrics, offsets: Vec<Offset>) -> (Self, Projected) {
        let (offsets, receiver) = watch::channel(offsets);
        let stopped = Arc::new(AtomicBool::new(false));
        let unreachable = Arc::new(AtomicBool::new(false));
        let projected = Projected {
            offsets: receiver,
            stopped: stopped.clone(),
            unreachable: unreachable.clone(),
        };
        (
            Self {
                store,
                metrics,
                offsets,
                stopped,
                unreachable,
            },
            projected,
        )
    }

    /// Projects batches until the sender is gone. Returns early only when going on would be wrong;
    /// the follower then finds its channel closed.
    pub async fn run(self, mut batches: mpsc::Receiver<ProjectionBatch>) {
        // Whatever ends this task but the end of its input has stopped the projection.
        let mut guard = StopGuard {
            stopped: &self.stopped,
            in_order: false,
        };
        let mut next = None;
        loop {
            let mut batch = match next.take() {
                Some(batch) => batch,
                None => match batches.recv().await {
                    Some(batch) => batch,
                    None => {
                        guard.in_order = true;
                        return;
                    }
                },
            };
            while let Ok(more) = batches.try_recv() {
                if !join(&mut batch, &more) {
                    next = Some(more);
                    break;
                }
            }
            if let Err(error) = self.project(&batch).await {
                tracing::error!(
                    partition = %batch.partition,
                    from = batch.from_offset,
                    error = %error,
                    "projection stopped: the database contradicts the log; sales go on, run \
                     `onsale reconcile --report FILE`"
                );
                self.metrics.projector_stopped.set(1);
                return;
            }
        }
    }

    /// Tries until the store takes the batch or contradicts it.
    async fn project(&self, batch: &ProjectionBatch) -> Result<(), StoreError> {
        let mut wait_ms = RETRY_FIRST_MS;
        let mut waited_ms = 0;
        loop {
            match self.store.project(batch).await {
                Ok(watermark) => {
                    if self.unreachable.swap(false, Ordering::Relaxed) {
                        tracing::info!(partition = %batch.partition, "the database is back");
                    }
                    let index = usize::from(batch.partition.0);
                    self.offsets.send_modify(|offsets| {
                        if let Some(offset) = offsets.get_mut(index) {
                            *offset = watermark.next_offset;
                        }
                    });
                    return Ok(());
                }
                Err(
                    error @ (StoreError::DoubleSale(_)
                    | StoreError::Gap { .. }
                    | StoreError::Schema(_)
                    | StoreError::Invalid(_)
                    | StoreError::Corrupt(_)),
                ) => return Err(error),
                Err(error) => {
                    let first = !self.unreachable.swap(true, Ordering::Relaxed);
                    if first || waited_ms > REMIND_EVERY_MS {
                        waited_ms = 0;
                        tracing::warn!(
                            partition = %batch.partition,
                            error = %error,
                            "the database does not take the projection; trying until it does"
                        );
                    }
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    waited_ms += wait_ms;
                    wait_ms = (wait_ms * 2).min(RETRY_MAX_MS);
                }
            }
        }
    }
}

/// Marks the projection as stopped when it is dropped before its input ended, as by a panic.
struct StopGuard<'a> {
    stopped: &'a AtomicBool,
    in_order: bool,
}

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        if !self.in_order {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }
}

/// Appends `more` to `batch` when it follows it directly and the sum stays small.
fn join(batch: &mut ProjectionBatch, more: &ProjectionBatch) -> bool {
    let follows = more.partition == batch.partition && more.from_offset == batch.next_offset;
    if !follows || more.next_offset - batch.from_offset > RECORDS_PER_TRANSACTION_MAX {
        return false;
    }
    batch.next_offset = more.next_offset;
    batch.log_time_ms = more.log_time_ms;
    batch.outcomes.extend(more.outcomes.iter().cloned());
    true
}
