//! Writes outcomes into the relational store, in order, each once.
//!
//! At-least-once delivery in, exactly-once effect out: rows and watermark move in one transaction,
//! so repeats are harmless. Outcomes that arrive within 50 ms are written together, the first after
//! a quiet time at once. SQLite is written by a thread of low priority and copies its write-ahead
//! log in small pieces, because its syncs and the journal's share a disk.
//!
//! A store that is down is waited for. A store that contradicts the log (a gap, or a double sale,
//! which `UNIQUE (show, seat)` over live rows refuses) stops the projection with an error, and
//! sales go on. Once a reconciliation has repaired the database the projection resumes by itself:
//! in the embedded mode from where the follower was held for the repair, over Kafka by reading the
//! outcomes again from the watermark, as soon as that has moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId};
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::projection::ProjectionBatch;
use onsale_store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::audit_months::MonthsMade;
use crate::counts_feed::CountsFeed;
use crate::metrics::Metrics;
use crate::offsets::Offsets;

/// First wait after a failed write, in milliseconds; doubles up to [`RETRY_MAX_MS`].
const RETRY_FIRST_MS: u64 = 100;
/// Longest wait between tries, in milliseconds.
const RETRY_MAX_MS: u64 = 5_000;
/// How often a database that stays away is mentioned again, in milliseconds.
const REMIND_EVERY_MS: u64 = 60_000;
/// Batches that may wait between follower and projector. More than a few only cost memory: when
/// the store is slow the follower waits and reads the log again later.
pub(crate) const BATCHES_QUEUED_MAX: usize = 8;
/// Records that one transaction covers at most; smaller batches of a partition are joined up to it.
const RECORDS_PER_TRANSACTION_MAX: u64 = 8_192;
/// From the beginning of one round of transactions to that of the next, in milliseconds, at least.
/// What comes meanwhile goes together: a transaction costs as much as dozens of rows. The first
/// batch after a quiet time is written at once.
const ROUND_EVERY_MS: u64 = 50;

/// Where the projection stands, readable from anywhere.
#[derive(Clone, Debug)]
pub struct Projected {
    offsets: Offsets,
    stopped: watch::Receiver<Option<Stopped>>,
    unreachable: Arc<AtomicBool>,
    repaired: mpsc::Sender<oneshot::Sender<()>>,
}

/// Why the projector writes nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// The store contradicts the outcomes of this partition.
    Refused(PartitionId),
    /// Its task broke off.
    Gone,
}

impl Projected {
    /// Every record of the partition before this offset is in the store.
    pub fn offset(&self, partition: PartitionId) -> Offset {
        self.offsets.of(partition)
    }

    /// True once the projector has stopped, and until a repair is reported to it.
    pub fn is_stopped(&self) -> bool {
        self.stopped().is_some()
    }

    /// Why it has stopped, while it has.
    pub fn stopped(&self) -> Option<Stopped> {
        *self.stopped.borrow()
    }

    /// Completes with the partition once the projector stops; `None` when its task is gone.
    pub async fn refused(&mut self) -> Option<PartitionId> {
        match self.stopped.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Stopped::Refused(partition))) => Some(*partition),
            _ => None,
        }
    }

    /// Makes a stopped projector start again at the watermarks that the store has by now; false
    /// when it cannot. What it is sent after that has to begin there.
    pub async fn repaired(&self) -> bool {
        let (done, begun) = oneshot::channel();
        self.repaired.send(done).await.is_ok() && begun.await.is_ok()
    }

    /// True while the store does not take what is written.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// Waits until the record at `offset` is in the store; false when `patience` ran out first.
    pub async fn wait_for(
        &self,
        partition: PartitionId,
        offset: Offset,
        patience: Duration,
    ) -> bool {
        self.offsets.wait_for(partition, offset, patience).await
    }
}

/// The writing half: a task that takes batches from the follower.
#[derive(Debug)]
pub struct Projector {
    store: Store,
    metrics: Metrics,
    offsets: watch::Sender<Vec<Offset>>,
    stopped: watch::Sender<Option<Stopped>>,
    unreachable: Arc<AtomicBool>,
    repaired: mpsc::Receiver<oneshot::Sender<()>>,
    counts: Option<CountsFeed>,
    /// Nobody else projects: the database is where this has come to, or someone changed it.
    is_alone: bool,
    months: MonthsMade,
}

impl Projector {
    /// A projector that begins at these offsets, one per partition.
    pub fn new(store: Store, metrics: Metrics, offsets: Vec<Offset>) -> (Self, Projected) {
        let (offsets, receiver) = Offsets::channel(offsets);
        let (stopped, is_stopped) = watch::channel(None);
        let (to_repaired, repaired) = mpsc::channel(1);
        let unreachable = Arc::new(AtomicBool::new(false));
        let projected = Projected {
            offsets: receiver,
            stopped: is_stopped,
            unreachable: unreachable.clone(),
            repaired: to_repaired,
        };
        (
            Self {
                store,
                metrics,
                offsets,
                stopped,
                unreachable,
                repaired,
                counts: None,
                is_alone: false,
                months: MonthsMade::default(),
            },
            projected,
        )
    }

    /// The only one that writes these projections: it stops at a watermark that it has not written.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Does not begin before a repair is reported: the database contradicts the log in this partition.
    #[must_use]
    pub(crate) fn refused_at_first(self, partition: Option<PartitionId>) -> Self {
        if let Some(partition) = partition {
            self.metrics.projector_stopped.set(1);
            self.stopped.send_replace(Some(Stopped::Refused(partition)));
        }
        self
    }

    /// Passes every batch that is in the store on to this feed.
    #[must_use]
    pub fn with_counts(mut self, counts: Option<CountsFeed>) -> Self {
        self.counts = counts;
        self
    }

    /// Projects batches until the sender is gone. Where going on would be wrong it drops what comes
    /// until a repair is reported.
    pub async fn run(mut self, mut batches: mpsc::Receiver<ProjectionBatch>) {
        // Whatever ends this task but the end of its input has stopped the projection.
        let mut guard = StopGuard {
            stopped: self.stopped.clone(),
            in_order: false,
        };
        let is_refused = self.stopped.borrow().is_some();
        if is_refused && !self.wait_for_repair(&mut batches).await {
            guard.in_order = true;
            return;
        }
        let mut next_round = Instant::now();
        loop {
            let round = gather(&mut batches, next_round).await;
            next_round = Instant::now() + Duration::from_millis(ROUND_EVERY_MS);
            // What of a round follows a refused batch is dropped with it; a repair begins behind it.
            if !self.project_round(&round).await && !self.wait_for_repair(&mut batches).await {
                break;
            }
            if round.is_last {
                break;
            }
        }
        guard.in_order = true;
    }

    /// False when the store refused a batch for good.
    async fn project_round(&self, round: &Round) -> bool {
        for batch in &round.batches {
            if let Err(error) = self.project(batch).await {
                tracing::error!(
                    partition = %batch.partition,
                    from = batch.from_offset,
                    error = %error,
                    "projection stopped: the database contradicts the log; sales go on, run \
                     `onsale reconcile --report FILE`"
                );
                self.metrics.projector_stopped.set(1);
                self.stopped
                    .send_replace(Some(Stopped::Refused(batch.partition)));
                return false;
            }
        }
        true
    }

    /// Drops what comes; false when the input ended before a repair was reported.
    async fn wait_for_repair(&mut self, batches: &mut mpsc::Receiver<ProjectionBatch>) -> bool {
        loop {
            tokio::select! {
                // What follows a repair is sent only after the report of it.
                biased;
                Some(begun) = self.repaired.recv() => match self.store.watermarks().await {
                    Ok(watermarks) => {
                        // Sent before the repair.
                        while batches.try_recv().is_ok() {}
                        self.begin_at(&watermarks);
                        // The caller may be gone; the repair is there all the same.
                        let _ = begun.send(());
                        return true;
                    }
                    Err(error) => tracing::warn!(
                        %error,
                        "the database does not say where the projection stands; it stays stopped"
                    ),
                },
                batch = batches.recv() => if batch.is_none() {
                    return false;
                },
            }
        }
    }

    fn begin_at(&self, watermarks: &[Watermark]) {
        self.offsets.send_modify(|offsets| {
            for (partition, offset) in (0..).map(PartitionId).zip(offsets.iter_mut()) {
                *offset = projected_offset(watermarks, partition);
            }
        });
        self.metrics.projector_stopped.set(0);
        self.stopped.send_replace(None);
        tracing::info!("the database was repaired; the projection continues");
    }

    /// Tries until the store takes the batch or contradicts it.
    async fn project(&self, batch: &ProjectionBatch) -> Result<(), StoreError> {
        let mut wait_ms = RETRY_FIRST_MS;
        let mut waited_ms = 0;
        let index = usize::from(batch.partition.0);
        let mut known = self.offsets.borrow().get(index).copied().unwrap_or(0);
        loop {
            self.months.make_for(&self.store, batch).await;
            let projected = match self.is_alone {
                true => self.store.project_alone(batch, known).await,
                false => self.store.project(batch).await,
            };
            // One that failed may be there all the same.
            known = known.max(batch.next_offset);
            match projected {
                Ok(watermark) => {
                    if self.unreachable.swap(false, Ordering::Relaxed) {
                        tracing::info!(partition = %batch.partition, "the database is back");
                    }
                    if let Some(counts) = &self.counts {
                        counts.projected(batch);
                    }
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
                    self.months.try_again();
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
struct StopGuard {
    stopped: watch::Sender<Option<Stopped>>,
    in_order: bool,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        if !self.in_order {
            self.stopped.send_replace(Some(Stopped::Gone));
        }
    }
}

/// What is written in one go, a transaction each.
#[derive(Debug, Default)]
struct Round {
    batches: Vec<ProjectionBatch>,
    records: u64,
    /// Set when nothing comes after it.
    is_last: bool,
}

impl Round {
    /// Adds a batch, to the one before it of the same partition where it fits.
    fn add(&mut self, batch: ProjectionBatch) {
        self.records += batch.next_offset.saturating_sub(batch.from_offset);
        let mut earlier = self.batches.iter_mut().rev();
        match earlier.find(|earlier| earlier.partition == batch.partition) {
            Some(earlier) if follows(earlier, &batch) => {
                earlier.next_offset = batch.next_offset;
                earlier.log_time_ms = batch.log_time_ms;
                earlier.outcomes.extend(batch.outcomes);
                earlier.askers.extend(batch.askers);
            }
            _ => self.batches.push(batch),
        }
    }
}

/// Waits for a batch, and for more until `due` or until a transaction is full.
async fn gather(batches: &mut mpsc::Receiver<ProjectionBatch>, due: Instant) -> Round {
    let mut round = Round::default();
    while round.records < RECORDS_PER_TRANSACTION_MAX {
        let next = if round.batches.is_empty() {
            batches.recv().await
        } else if let Ok(more) = batches.try_recv() {
            Some(more)
        } else {
            match timeout_at(due, batches.recv()).await {
                Ok(next) => next,
                Err(_elapsed) => return round,
            }
        };
        match next {
            Some(batch) => round.add(batch),
            None => {
                round.is_last = true;
                return round;
            }
        }
    }
    round
}

/// Whether a batch follows another one of its partition directly and their sum stays small.
fn follows(earlier: &ProjectionBatch, batch: &ProjectionBatch) -> bool {
    batch.from_offset == earlier.next_offset
        && batch.next_offset - earlier.from_offset <= RECORDS_PER_TRANSACTION_MAX
}
