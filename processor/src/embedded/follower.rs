//! The follower thread: a second replica of every partition behind the journal. It feeds the
//! projector, checks the owner's digests and cuts the snapshots.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use onsale_engine::Partition;
use onsale_log::LogError;
use onsale_log::journal::JournalScan;
use onsale_schemas::{Entry, PartitionId};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::{mpsc, oneshot};

use super::shared::{DIGEST_SAMPLE_EVERY_RECORDS, Shared};
use super::snapshots::{Cut, CutReply, SnapshotJob};
use crate::clock;
use crate::metrics::Metrics;
use crate::projector::Projected;
use crate::replica::{Action, Replica, StopReason};

/// Longest sleep without work, in milliseconds.
const IDLE_MAX_MS: u64 = 250;
/// How often the slow gauges (seats by state) are refreshed, in milliseconds.
const GAUGES_EVERY_MS: u64 = 5_000;
/// How long a hold for reconciliation waits for the projector, in milliseconds.
const HOLD_PATIENCE_MS: u64 = 30_000;

/// Why the follower stopped for good. Sales go on; projection and snapshots do not.
#[derive(Debug, thiserror::Error)]
pub enum FollowerError {
    /// The journal cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(#[from] LogError),
    /// Going on would be wrong.
    #[error(transparent)]
    Stop(#[from] StopReason),
}

/// What the follower is asked.
#[derive(Debug)]
pub(super) enum ToFollower {
    /// Cut a snapshot now, of one partition or of all.
    Snapshot {
        partition: Option<PartitionId>,
        reply: CutReply,
    },
    /// Stand still at a position that the projection has reached, until the hold is dropped.
    Hold { reply: oneshot::Sender<Held> },
}

/// The state of every partition while the follower stands still.
#[derive(Debug)]
pub struct Held {
    /// The machines, frozen.
    pub machines: Vec<Partition>,
    /// Set when the projection does not stand at the machines' positions, with the reason.
    pub projection_behind: Option<String>,
    /// The follower goes on once this is dropped.
    _release: Sender<()>,
}

/// The follower of every partition.
pub(super) struct Follower {
    pub(super) replicas: Vec<Replica>,
    pub(super) last_record_checksums: Vec<Option<u64>>,
    pub(super) scan: JournalScan,
    pub(super) shared: Arc<Shared>,
    /// `None` once the projector refused to go on.
    pub(super) to_projector: Option<mpsc::Sender<ProjectionBatch>>,
    pub(super) projected: Projected,
    pub(super) snapshots: Sender<SnapshotJob>,
    pub(super) control: Receiver<ToFollower>,
    pub(super) metrics: Metrics,
    pub(super) gauges_at: Option<Instant>,
}

impl Follower {
    /// Follows until a stop is asked for and everything durable by then is applied and handed to
    /// the projector; then asks for a last snapshot.
    pub(super) fn run(mut self) -> Result<(), FollowerError> {
        loop {
            let seen = self.shared.batches();
            let stopping = self.shared.is_stopping() && !self.shared.is_serving();
            self.answer_control();
            let moved = self.follow()?;
            self.refresh_gauges();
            if !moved {
                if stopping && self.is_caught_up() {
                    self.ask_for_snapshots(None, None);
                    return Ok(());
                }
                self.shared
                    .wait_for_batch(seen, Duration::from_millis(IDLE_MAX_MS));
            }
        }
    }

    fn is_caught_up(&self) -> bool {
        self.replicas.iter().all(|replica| {
            let machine = replica.machine();
            machine.next_offset() >= self.shared.owner(machine.id()).next_offset
        })
    }

    /// Applies the next stretch of the log, all partitions in one pass; true when there was one.
    fn follow(&mut self) -> Result<bool, FollowerError> {
        let mut actions: Vec<(PartitionId, Action)> = Vec::new();
        let mut batches: Vec<Option<ProjectionBatch>> = vec![None; self.replicas.len()];
        let mut failure = None;
        let Self {
            replicas,
            last_record_checksums,
            scan,
            shared,
            ..
        } = self;
        let records = scan.next_chunk(|partition, entry| {
            let index = usize::from(partition.0);
            // After a failure nothing more is applied; partitions that nobody asked for never come.
            if failure.is_none()
                && let Some(replica) = replicas.get_mut(index)
            {
                failure = step(replica, shared, entry, &mut batches[index], &mut actions).err();
                last_record_checksums[index] = Some(super::recovery::checksum(entry.payload));
            }
        })?;
        if let Some(reason) = failure {
            return Err(reason.into());
        }
        for batch in batches.into_iter().flatten() {
            self.shared.set_follower(batch.partition, batch.next_offset);
            self.project(batch);
        }
        let now_ms = clock::now_ms();
        let mut due = Vec::new();
        for replica in &mut self.replicas {
            replica.on_time(now_ms, &mut due);
            let partition = replica.machine().id();
            actions.extend(due.drain(..).map(|action| (partition, action)));
        }
        for (partition, action) in actions {
            match action {
                Action::CutSnapshot => self.ask_for_snapshots(Some(partition), None),
                Action::Stop(reason) => return Err(reason.into()),
                // Only owners append.
                Action::Append(_) => {}
            }
        }
        Ok(records > 0)
    }

    /// Hands a batch over; waits when the projector is busy. That holds back projection and
    /// snapshots, never a sale.
    fn project(&mut self, batch: ProjectionBatch) {
        let Some(projector) = &self.to_projector else {
            return;
        };
        let mut batch = Some(batch);
        while let Some(waiting) = batch.take() {
            match projector.try_send(waiting) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.to_projector = None;
                    return;
                }
                Err(mpsc::error::TrySendError::Full(back)) => {
                    if self.shared.is_stopping() && self.projected.is_unreachable() {
                        // Nothing is lost: the journal has it, the next start projects it.
                        self.to_projector = None;
                        return;
                    }
                    batch = Some(back);
                    // Reconciliation and snapshots can be asked for while the database is down.
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    fn answer_control(&mut self) {
        while let Ok(message) = self.control.try_recv() {
            match message {
                ToFollower::Snapshot { partition, reply } => {
                    self.ask_for_snapshots(partition, Some(reply));
                }
                ToFollower::Hold { reply } => self.hold(reply),
            }
        }
    }

    fn ask_for_snapshots(&self, partition: Option<PartitionId>, reply: Option<CutReply>) {
        let cuts = self
            .replicas
            .iter()
            .zip(&self.last_record_checksums)
            .filter(|(replica, _)| partition.is_none_or(|only| replica.machine().id() == only))
            .map(|(replica, checksum)| Cut {
                machine: replica.machine().clone(),
                last_record_checksum: *checksum,
                created_at_ms: clock::now_ms(),
            })
            .collect();
        if self.snapshots.send(SnapshotJob { cuts, reply }).is_err() {
            tracing::error!("the snapshot thread is gone: no snapshots are written any more");
        }
    }

    fn hold(&self, reply: oneshot::Sender<Held>) {
        let behind = self.wait_for_projection();
        let (release, released) = crossbeam_channel::bounded(0);
        let machines = self
            .replicas
            .iter()
            .map(|replica| replica.machine().clone())
            .collect();
        let held = Held {
            machines,
            projection_behind: behind,
            _release: release,
        };
        if reply.send(held).is_ok() {
            // Returns with an error once the hold is dropped: nothing is ever sent.
            let _ = released.recv();
        }
    }

    /// Waits until the store holds what the machines here hold; the reason when it does not.
    fn wait_for_projection(&self) -> Option<String> {
        let deadline = Instant::now() + Duration::from_millis(HOLD_PATIENCE_MS);
        loop {
            let behind = self.replicas.iter().find(|replica| {
                self.projected.offset(replica.machine().id()) < replica.machine().next_offset()
            })?;
            let (partition, at) = (behind.machine().id(), behind.machine().next_offset());
            let projected = self.projected.offset(partition);
            let lag = format!("partition {partition} is projected to {projected}, not to {at}");
            if self.projected.is_stopped() {
                return Some(format!("the projector has stopped: {lag}"));
            }
            if self.projected.is_unreachable() || Instant::now() > deadline {
                return Some(format!("the database does not keep up: {lag}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn refresh_gauges(&mut self) {
        let now = Instant::now();
        let fresh = self
            .gauges_at
            .is_some_and(|at| now.duration_since(at) < Duration::from_millis(GAUGES_EVERY_MS));
        if fresh {
            return;
        }
        self.gauges_at = Some(now);
        let mut sums = [0u64; 4];
        for replica in &self.replicas {
            let stats = replica.machine().stats();
            let seats = [stats.available, stats.held, stats.sold, stats.blocked];
            for (sum, places) in sums.iter_mut().zip(seats) {
                *sum += places;
            }
        }
        for (state, sum) in ["available", "held", "sold", "blocked"].iter().zip(sums) {
            self.metrics
                .seats
                .with_label_values(&[state])
                .set(i64::try_from(sum).unwrap_or(i64::MAX));
        }
    }
}

/// Applies one entry and adds what came of it to its partition's batch.
fn step(
    replica: &mut Replica,
    shared: &Shared,
    entry: Entry<'_>,
    batch: &mut Option<ProjectionBatch>,
    actions: &mut Vec<(PartitionId, Action)>,
) -> Result<(), StopReason> {
    let partition = replica.machine().id();
    let batch = batch.get_or_insert_with(|| ProjectionBatch {
        partition,
        from_offset: entry.offset,
        next_offset: entry.offset,
        log_time_ms: 0,
        outcomes: Vec::new(),
    });
    let mut asked = Vec::new();
    replica.on_entry(entry, &mut batch.outcomes, &mut asked);
    actions.extend(asked.into_iter().map(|action| (partition, action)));
    let machine = replica.machine();
    batch.next_offset = machine.next_offset();
    batch.log_time_ms = machine.log_time_ms();
    if batch
        .next_offset
        .is_multiple_of(DIGEST_SAMPLE_EVERY_RECORDS)
        && let Some(owner) = shared.digest_at(partition, batch.next_offset)
    {
        replica.compare_digest(batch.next_offset, owner)?;
    }
    Ok(())
}
