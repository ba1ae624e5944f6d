//! The follower thread: a second replica of every partition behind the journal. It feeds the
//! projector, checks the owner's digests and cuts the snapshots.
//!
//! Running every partition a second time costs a fifth of a microsecond per command. In return the
//! projection runs at the database's own pace without a queue that could fill up, the owner never
//! pauses for a snapshot, and its digests are checked all day.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use onsale_engine::Partition;
use onsale_log::LogError;
use onsale_log::journal::JournalScan;
use onsale_schemas::{Entry, Offset, PartitionId};
use onsale_store::projection::ProjectionBatch;
use tokio::sync::{mpsc, oneshot};

use super::state::{DIGEST_SAMPLE_EVERY_RECORDS, EmbeddedState};
use crate::askers;
use crate::clock;
use crate::gauges::{COUNT_EVERY_MS, Places};
use crate::metrics::Metrics;
use crate::projector::Projected;
use crate::replica::{Action, Replica, StopReason};
use crate::snapshots::{Cut, CutReply, SnapshotJob, SnapshotSender};

/// Longest sleep without work, in milliseconds.
const IDLE_MAX_MS: u64 = 250;
/// How often a busy projector is asked again, in milliseconds.
const PROJECTOR_POLL_MS: u64 = 2;
/// How long a hold for reconciliation waits for the projector, in milliseconds.
const HOLD_PATIENCE_MS: u64 = 30_000;

/// Why the follower stopped for good. Sales go on; projection and snapshots do not.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowerError {
    /// The journal cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(LogError),
    /// Going on would be wrong.
    #[error(transparent)]
    Stop(#[from] StopReason),
}

impl From<LogError> for FollowerError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
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
    /// True when nothing else writes the projection any more in this process.
    pub projector_stopped: bool,
    /// The follower continues once this is dropped.
    _release: Sender<()>,
}

/// The follower of every partition.
pub(super) struct Follower {
    pub(super) replicas: Vec<Replica>,
    pub(super) last_record_checksums: Vec<Option<u64>>,
    pub(super) scan: JournalScan,
    pub(super) shared: Arc<EmbeddedState>,
    /// Batches that the projector has not taken yet.
    pub(super) pending: VecDeque<ProjectionBatch>,
    /// `None` once the projector is gone; one that has stopped drops what arrives.
    pub(super) to_projector: Option<mpsc::Sender<ProjectionBatch>>,
    pub(super) projected: Projected,
    pub(super) snapshots: SnapshotSender,
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
            self.answer_control()?;
            let moved = self.follow()?;
            self.refresh_gauges();
            if !moved {
                if stopping && self.is_caught_up() {
                    self.ask_for_snapshots(None, None);
                    return Ok(());
                }
                if self.shared.is_stop_overdue() {
                    tracing::warn!(
                        "stopping before the database caught up; the next start continues"
                    );
                    return Ok(());
                }
                if self.pending.is_empty() {
                    self.shared
                        .wait_for_batch(seen, Duration::from_millis(IDLE_MAX_MS));
                } else {
                    std::thread::sleep(Duration::from_millis(PROJECTOR_POLL_MS));
                }
            }
        }
    }

    fn is_caught_up(&self) -> bool {
        self.pending.is_empty()
            && self.replicas.iter().all(|replica| {
                let machine = replica.machine();
                machine.next_offset() >= self.shared.owner(machine.id()).next_offset
            })
    }

    /// Applies the next stretch of the log, all partitions in one pass; true when there was one.
    fn follow(&mut self) -> Result<bool, FollowerError> {
        if !self.flush() {
            return Ok(false);
        }
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
        let scanned = scan.next_chunk(|partition, entry| {
            let index = usize::from(partition.0);
            // After a failure nothing more is applied; partitions that were not requested never
            // come.
            if failure.is_none()
                && let Some(replica) = replicas.get_mut(index)
            {
                failure = step(replica, shared, entry, &mut batches[index], &mut actions).err();
                last_record_checksums[index] = Some(crate::checksum::checksum(entry.payload));
            }
        });
        let records = match scanned {
            Ok(records) => records,
            // What was read so far is good; the next file is opened once one can be.
            Err(LogError::NoDescriptors(error)) => {
                tracing::warn!(%error, "the follower waits for a file descriptor");
                std::thread::sleep(Duration::from_millis(IDLE_MAX_MS));
                0
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(reason) = failure {
            return Err(reason.into());
        }
        for batch in batches.into_iter().flatten() {
            self.shared.set_follower(batch.partition, batch.next_offset);
            self.pending.push_back(batch);
        }
        // How often snapshots are cut is nothing that a clock that is set should change.
        let now_ms = clock::monotonic_ms();
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

    /// Hands over what waits for the projector; true when nothing is left. While it is busy nothing
    /// more of the log is read: that holds back projection and snapshots, never a sale.
    fn flush(&mut self) -> bool {
        while let Some(batch) = self.pending.pop_front() {
            let Some(projector) = &self.to_projector else {
                continue;
            };
            match projector.try_send(batch) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => self.to_projector = None,
                Err(mpsc::error::TrySendError::Full(back)) => {
                    self.pending.push_front(back);
                    return false;
                }
            }
        }
        true
    }

    fn answer_control(&mut self) -> Result<(), FollowerError> {
        while let Ok(message) = self.control.try_recv() {
            match message {
                ToFollower::Snapshot { partition, reply } => {
                    self.ask_for_snapshots(partition, Some(reply));
                }
                ToFollower::Hold { reply } => self.hold(reply)?,
            }
        }
        Ok(())
    }

    fn ask_for_snapshots(&self, partition: Option<PartitionId>, reply: Option<CutReply>) {
        let cuts = self
            .replicas
            .iter()
            .zip(&self.last_record_checksums)
            .filter(|(replica, _)| partition.is_none_or(|only| replica.machine().id() == only))
            .filter_map(|(replica, checksum)| Some(Cut::of(replica.machine_to_keep()?, *checksum)))
            .collect();
        self.snapshots.send(SnapshotJob { cuts, reply });
    }

    /// Stands still at a position that both the owner (at the time of the request) and the
    /// projection have reached: machines that are older than the database would call good rows
    /// wrong.
    fn hold(&mut self, reply: oneshot::Sender<Held>) -> Result<(), FollowerError> {
        let deadline = Instant::now() + Duration::from_millis(HOLD_PATIENCE_MS);
        let targets: Vec<Offset> = self
            .replicas
            .iter()
            .map(|replica| {
                // The projection is behind what the follower has read.
                self.shared.owner(replica.machine().id()).next_offset
            })
            .collect();
        let behind = loop {
            let moved = self.follow()?;
            let short = self
                .replicas
                .iter()
                .zip(&targets)
                .any(|(replica, target)| replica.machine().next_offset() < *target);
            let behind = match short {
                true => Some("the follower has not caught up with the owner".to_owned()),
                false => self.projection_behind(),
            };
            let Some(why) = behind else { break None };
            let hopeless = self.projected.is_stopped() && !short;
            if hopeless || Instant::now() > deadline || self.shared.is_stop_overdue() {
                break Some(why);
            }
            if !moved {
                std::thread::sleep(Duration::from_millis(PROJECTOR_POLL_MS));
            }
        };
        let (release, released) = crossbeam_channel::bounded(0);
        let machines = self
            .replicas
            .iter()
            .map(|replica| replica.machine().clone())
            .collect();
        let held = Held {
            machines,
            projection_behind: behind,
            projector_stopped: self.projected.is_stopped(),
            _release: release,
        };
        if reply.send(held).is_ok() {
            // Returns with an error once the hold is dropped: nothing is ever sent.
            let _ = released.recv();
        }
        Ok(())
    }

    /// Why the store does not hold what the machines here hold, if it does not.
    fn projection_behind(&self) -> Option<String> {
        let behind = self.replicas.iter().find(|replica| {
            self.projected.offset(replica.machine().id()) < replica.machine().next_offset()
        })?;
        let (partition, at) = (behind.machine().id(), behind.machine().next_offset());
        let projected = self.projected.offset(partition);
        let why = if self.projected.is_stopped() {
            "the projector has stopped"
        } else {
            "the database does not keep up"
        };
        Some(format!(
            "{why}: partition {partition} is projected to {projected}, not to {at}"
        ))
    }

    fn refresh_gauges(&mut self) {
        let now = Instant::now();
        let fresh = self
            .gauges_at
            .is_some_and(|at| now.duration_since(at) < Duration::from_millis(COUNT_EVERY_MS));
        if fresh {
            return;
        }
        self.gauges_at = Some(now);
        let machines = self.replicas.iter().map(Replica::machine);
        self.metrics.show_places(machines.map(Places::of).sum());
    }
}

/// Applies one entry and adds what came of it to its partition's batch.
fn step(
    replica: &mut Replica,
    shared: &EmbeddedState,
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
        askers: Vec::new(),
    });
    let mut asked = Vec::new();
    replica.on_entry(entry, &mut batch.outcomes, &mut asked);
    actions.extend(asked.into_iter().map(|action| (partition, action)));
    if let Some(outcome) = batch.outcomes.last()
        && let Some(asker) = askers::asker(entry, outcome)
    {
        batch.askers.push((entry.offset, asker));
    }
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
