//! What core, follower, projector and observers of one process share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onsale_schemas::{LogTimeMs, Offset, PartitionId};

use crate::clock::ClockWatch;

/// Digests that the owner leaves for its follower, per partition; older ones are dropped.
const DIGEST_SAMPLES_MAX: usize = 4_096;
/// How long a stop waits for a database that does not keep up. Nothing is lost without it: the next
/// start projects the rest from the journal.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Records from one digest to the next.
pub(super) const DIGEST_SAMPLE_EVERY_RECORDS: u64 = 256;

/// State shared between the threads of an embedded processor.
#[derive(Debug)]
pub(super) struct EmbeddedState {
    partitions: Vec<PartitionProgress>,
    /// Counts batches, so that a waiter cannot miss one between looking and sleeping.
    batches: Mutex<u64>,
    batch_done: Condvar,
    stopping: AtomicBool,
    /// When a stop was asked for.
    stop_asked: Mutex<Option<Instant>>,
    serving: AtomicBool,
    disk_full: AtomicBool,
    short_of_descriptors: AtomicBool,
    follower_failed: Mutex<Option<String>>,
    clock: ClockWatch,
}

/// Where the replicas of one partition are.
#[derive(Debug, Default)]
struct PartitionProgress {
    log_end: AtomicU64,
    owner_next: AtomicU64,
    owner_log_time_ms: AtomicU64,
    owner_digest: AtomicU64,
    epoch: AtomicU64,
    follower_next: AtomicU64,
    live_holds: AtomicU64,
    digests: Mutex<VecDeque<(Offset, u64)>>,
}

/// What the owner says of itself after a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnerPosition {
    /// The next offset.
    pub next_offset: Offset,
    /// Log time of the last record.
    pub log_time_ms: LogTimeMs,
    /// The state digest at `next_offset`.
    pub digest: u64,
    /// The epoch it owns the partition in.
    pub epoch: u64,
    /// Live holds.
    pub live_holds: u64,
}

impl EmbeddedState {
    /// For this many partitions, whose records are stamped by `clock`.
    pub(super) fn new(partitions: u16, clock: ClockWatch) -> Self {
        Self {
            partitions: (0..partitions)
                .map(|_| PartitionProgress::default())
                .collect(),
            batches: Mutex::new(0),
            batch_done: Condvar::new(),
            stopping: AtomicBool::new(false),
            stop_asked: Mutex::new(None),
            serving: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            short_of_descriptors: AtomicBool::new(false),
            follower_failed: Mutex::new(None),
            clock,
        }
    }

    /// The clock that records are stamped by.
    pub(super) fn clock(&self) -> &ClockWatch {
        &self.clock
    }

    /// The log is durable up to here; said before any record is announced.
    pub(super) fn set_log_end(&self, partition: PartitionId, end: Offset) {
        if let Some(progress) = self.partitions.get(usize::from(partition.0)) {
            progress.log_end.store(end, Ordering::Release);
        }
    }

    /// Where the log ends since something was appended; 0 before that.
    pub(super) fn log_end(&self, partition: PartitionId) -> Offset {
        self.partitions
            .get(usize::from(partition.0))
            .map_or(0, |progress| progress.log_end.load(Ordering::Acquire))
    }

    /// The owner has applied up to here. The figures are read one by one, so an observer may see a
    /// digest of the batch before; comparisons use [`EmbeddedState::digest_at`].
    pub(super) fn set_owner(&self, partition: PartitionId, position: OwnerPosition) {
        if let Some(progress) = self.partitions.get(usize::from(partition.0)) {
            progress
                .owner_log_time_ms
                .store(position.log_time_ms, Ordering::Relaxed);
            progress
                .owner_digest
                .store(position.digest, Ordering::Relaxed);
            progress.epoch.store(position.epoch, Ordering::Relaxed);
            progress
                .live_holds
                .store(position.live_holds, Ordering::Relaxed);
            progress
                .owner_next
                .store(position.next_offset, Ordering::Release);
        }
    }

    /// Where the owner is.
    pub(super) fn owner(&self, partition: PartitionId) -> OwnerPosition {
        let load = |pick: fn(&PartitionProgress) -> &AtomicU64| {
            self.partitions
                .get(usize::from(partition.0))
                .map_or(0, |progress| pick(progress).load(Ordering::Acquire))
        };
        OwnerPosition {
            next_offset: load(|p| &p.owner_next),
            log_time_ms: load(|p| &p.owner_log_time_ms),
            digest: load(|p| &p.owner_digest),
            epoch: load(|p| &p.epoch),
            live_holds: load(|p| &p.live_holds),
        }
    }

    /// The follower has applied up to here.
    pub(super) fn set_follower(&self, partition: PartitionId, next_offset: Offset) {
        if let Some(progress) = self.partitions.get(usize::from(partition.0)) {
            progress.follower_next.store(next_offset, Ordering::Release);
        }
    }

    /// Where the follower is.
    pub(super) fn follower(&self, partition: PartitionId) -> Offset {
        self.partitions
            .get(usize::from(partition.0))
            .map_or(0, |progress| progress.follower_next.load(Ordering::Acquire))
    }

    /// Leaves a digest for the follower.
    pub(super) fn leave_digest(&self, partition: PartitionId, next_offset: Offset, digest: u64) {
        if let Some(progress) = self.partitions.get(usize::from(partition.0)) {
            let mut digests = lock(&progress.digests);
            if digests.len() == DIGEST_SAMPLES_MAX {
                digests.pop_front();
            }
            digests.push_back((next_offset, digest));
        }
    }

    /// The digest that the owner left at this position, if it did and it is not dropped; those
    /// before it are forgotten.
    pub(super) fn digest_at(&self, partition: PartitionId, next_offset: Offset) -> Option<u64> {
        let progress = self.partitions.get(usize::from(partition.0))?;
        let mut digests = lock(&progress.digests);
        while digests.front().is_some_and(|(at, _)| *at < next_offset) {
            digests.pop_front();
        }
        digests
            .front()
            .filter(|(at, _)| *at == next_offset)
            .map(|(_, digest)| *digest)
    }

    /// Says that a batch is durable and applied.
    pub(super) fn announce_batch(&self) {
        *lock(&self.batches) += 1;
        self.batch_done.notify_all();
    }

    /// The number of batches so far, to wait for the next one.
    pub(super) fn batches(&self) -> u64 {
        *lock(&self.batches)
    }

    /// Waits until there are more than `seen` batches, or the time is over.
    pub(super) fn wait_for_batch(&self, seen: u64, patience: Duration) {
        let batches = lock(&self.batches);
        // A spurious or timed-out wake is fine: callers look again.
        drop(
            self.batch_done
                .wait_timeout_while(batches, patience, |now| *now == seen),
        );
    }

    /// Asks everything to stop.
    pub(super) fn stop(&self) {
        lock(&self.stop_asked).get_or_insert_with(Instant::now);
        self.stopping.store(true, Ordering::Release);
        self.announce_batch();
    }

    /// True once a stop was asked for.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// True once a stop has taken so long that nothing waits for the database any more.
    pub(super) fn is_stop_overdue(&self) -> bool {
        lock(&self.stop_asked).is_some_and(|at| at.elapsed() > STOP_PATIENCE)
    }

    /// Whether the core takes commands.
    pub(super) fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Whether the core takes commands.
    pub(super) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Whether the log's disk is full.
    pub(super) fn set_disk_full(&self, full: bool) {
        self.disk_full.store(full, Ordering::Relaxed);
    }

    /// Whether the log's disk is full.
    pub(super) fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Whether the log finds no file descriptor.
    pub(super) fn set_short_of_descriptors(&self, short: bool) {
        self.short_of_descriptors.store(short, Ordering::Relaxed);
    }

    /// Whether the log finds no file descriptor.
    pub(super) fn is_short_of_descriptors(&self) -> bool {
        self.short_of_descriptors.load(Ordering::Relaxed)
    }

    /// Says why the follower stopped for good.
    pub(super) fn fail_follower(&self, why: String) {
        *lock(&self.follower_failed) = Some(why);
    }

    /// Why the follower stopped for good, if it did.
    pub(super) fn follower_failure(&self) -> Option<String> {
        lock(&self.follower_failed).clone()
    }
}

/// A thread that panicked while it held one of these locks leaves plain values behind that are
/// still right to read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
