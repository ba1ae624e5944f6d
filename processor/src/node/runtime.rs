//! A running node, and its end: its parts are taken apart in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use onsale_engine::Partition;
use onsale_log::kafka::KafkaSettings;
use onsale_schemas::{NodeName, PartitionId};
use onsale_snapshot::SnapshotError;
use onsale_store::Store;
use tokio::sync::oneshot;

use super::driver::ToDriver;
use super::start::{self, NodeError, NodeOptions};
use super::state::{NodeState, Shown};
use super::status::{ClockOnNode, MemberRole, PartitionOnNode, SnapshotOnNode};
use crate::clock::ClockWatch;
use crate::fit::Catalog;
use crate::metrics::Metrics;
use crate::replica::ReplicaRole;
use crate::snapshots::{self, Newest, Written};
use crate::start::StartFailure;
use crate::threads;

/// How long a stop waits for its partitions to be taken over.
const HAND_OVER_PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const HAND_OVER_POLL: Duration = Duration::from_millis(5);
/// Pause before a start that cannot compare its shows with the catalog yet tries again.
const CATALOG_RETRY: Duration = Duration::from_secs(1);

/// A running node. Dropping it stops the threads without waiting for them.
#[derive(Debug)]
pub struct Node {
    pub(super) name: NodeName,
    pub(super) log_id: [u8; 16],
    pub(super) kafka: KafkaSettings,
    pub(super) snapshots_dir: PathBuf,
    pub(super) shared: Arc<NodeState>,
    pub(super) newest: Arc<Newest>,
    pub(super) control: Sender<ToDriver>,
    pub(super) metrics: Metrics,
    pub(super) clock: ClockWatch,
    /// What the catalog lacked at the start, once that is known.
    pub(super) catalog: OnceLock<Catalog>,
    /// `None` once they are joined.
    pub(super) threads: Mutex<Option<[JoinHandle<()>; 3]>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Node {
    /// Recovers the partitions that this node follows and continues from there. Call it inside a
    /// runtime.
    ///
    /// # Errors
    /// Everything that would make going on wrong. A database that does not answer is not among
    /// it.
    pub async fn start(
        options: NodeOptions,
        store: Store,
        metrics: Metrics,
    ) -> Result<Self, NodeError> {
        let runtime = tokio::runtime::Handle::current();
        // Kafka's clients block.
        let started =
            tokio::task::spawn_blocking(move || start::start(options, store, metrics, &runtime))
                .await;
        started
            .unwrap_or_else(|error| Err(StartFailure::Thread(std::io::Error::other(error)).into()))
    }

    /// The partitions that it follows.
    pub fn partitions(&self) -> Vec<PartitionId> {
        self.shared.partitions()
    }

    /// Id of the log.
    pub fn log_id(&self) -> [u8; 16] {
        self.log_id
    }

    /// How to reach the log.
    pub(super) fn kafka(&self) -> &KafkaSettings {
        &self.kafka
    }

    /// The state of each partition on this node.
    pub fn status(&self) -> Vec<PartitionOnNode> {
        let shown = self.shared.shown();
        shown.iter().map(|shown| self.partition(shown)).collect()
    }

    fn partition(&self, shown: &Shown) -> PartitionOnNode {
        let status = &shown.status;
        let role = match (&status.stopped, status.role) {
            (Some(_), _) => MemberRole::Stopped,
            (None, ReplicaRole::Owner { .. }) => MemberRole::Owner,
            (None, ReplicaRole::Follower) => MemberRole::Standby,
        };
        PartitionOnNode {
            partition: status.partition,
            role,
            epoch: status.epoch,
            owner: status.owner.clone(),
            next_offset: status.next_offset,
            end_offset: shown.end_offset.unwrap_or(0).max(status.next_offset),
            is_at_end: status.at_end_of_log,
            digest: format!("{:016x}", status.digest),
            published: status.published,
            unpublished: u64::try_from(status.unpublished).unwrap_or(u64::MAX),
            live_holds: shown.live_holds,
            snapshot: self.newest.get(status.partition).map(SnapshotOnNode::from),
            stopped: status.stopped.as_ref().map(ToString::to_string),
        }
    }

    /// What is in the way of following, one sentence each; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.shared.failure().into_iter().collect();
        for shown in self.shared.shown() {
            let status = &shown.status;
            if let Some(why) = &status.stopped {
                problems.push(format!("partition {} has stopped: {why}", status.partition));
            } else if !status.at_end_of_log {
                problems.push(format!(
                    "partition {} is at offset {} and not at the end of the log",
                    status.partition, status.next_offset
                ));
            }
        }
        let held_to_broker = self.clocks().into_iter().skip(1);
        problems.extend(held_to_broker.filter_map(|clock| clock.problem));
        problems
    }

    /// What an operator should know although it blocks nothing, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        // The clock of this machine stamps no records here.
        let mut warnings: Vec<String> = self.clock.state().problem().into_iter().collect();
        if let Some(stood_ms) = self.shared.stalled_ms() {
            warnings.push(format!(
                "this node stood still for {stood_ms} ms not long ago"
            ));
        }
        // Whatever the catalog has is sold meanwhile.
        let misfit = self.catalog.get().and_then(Catalog::misfit);
        warnings.extend(misfit.map(|misfit| misfit.to_string()));
        warnings.extend(self.catalog.get().and_then(Catalog::only_in_a_backup));
        let damage = self.catalog.get().map(Catalog::damage);
        let damage = damage.into_iter().flatten();
        warnings.extend(damage.map(|misfit| misfit.to_string()));
        for (partition, first) in self.shared.unfounded() {
            warnings.push(format!(
                "the log of partition {partition} begins at offset {first}, and no snapshot \
                 reaches that: it could not be started again"
            ));
        }
        warnings
    }

    /// Where the clocks stand that this node can see: its own first, then the broker's, then
    /// machine time wherever it is ahead of both.
    pub fn clocks(&self) -> Vec<ClockOnNode> {
        let own = self.clock.state();
        let own_ms = own.machine_ms;
        let broker = self.shared.broker();
        let mut clocks = vec![
            ClockOnNode {
                clock: "machine".to_owned(),
                partition: None,
                held_to_ms: own_ms,
                ahead_ms: own.wall_ahead_ms,
                problem: own.problem(),
            },
            ClockOnNode::broker(&broker, own_ms),
        ];
        let shown = self.shared.shown();
        clocks.extend(shown.iter().filter_map(|shown| {
            ClockOnNode::machine_time(shown.status.partition, shown.machine_ms, own_ms)
        }));
        clocks
    }

    /// Takes the clock of this machine as right from now on.
    pub fn reset_clock(&self) {
        self.clock.reset();
    }

    /// The snapshots that are kept on disk, newest first within a partition.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Written>, SnapshotError> {
        snapshots::kept_in(&self.snapshots_dir)
    }

    /// Cuts snapshots now, of one partition or of all that it follows, and waits until they are
    /// written.
    ///
    /// # Errors
    /// Why one could not be written.
    pub async fn snapshot(&self, partition: Option<PartitionId>) -> Result<Vec<Written>, String> {
        let (reply, answer) = oneshot::channel();
        self.ask(ToDriver::Snapshot { partition, reply })?;
        answer
            .await
            .map_err(|_| "the driver has stopped".to_owned())?
    }

    /// Copies of the machines as they are now; they share their memory with the running ones.
    ///
    /// # Errors
    /// When the driver has stopped.
    pub async fn machines(&self) -> Result<Vec<Partition>, String> {
        let (reply, answer) = oneshot::channel();
        self.ask(ToDriver::Machines { reply })?;
        answer
            .await
            .map_err(|_| "the driver has stopped".to_owned())
    }

    /// Compares the shows of this node with the catalog, once all of the log was read and the
    /// database answers. A database that does not holds up nothing else.
    pub fn look_at_catalog(self: &Arc<Self>, store: Store) {
        tokio::spawn(look_at_catalog(Arc::downgrade(self), store));
    }

    /// Has each of these partitions yield an outcome behind all that was applied so far, so that the
    /// projection moves past it even where nothing happens.
    pub(super) fn barrier(&self, partitions: Vec<PartitionId>) -> Result<(), String> {
        self.ask(ToDriver::Barrier { partitions })
    }

    /// Gives owned partitions to these nodes and waits, bounded, until they have been taken over.
    /// Partitions that it does not own are left alone. Call it before a planned stop, so that no
    /// one has to wait for this node's silence.
    pub async fn hand_over(&self, to: BTreeMap<PartitionId, NodeName>) {
        let partitions: Vec<PartitionId> = to.keys().copied().collect();
        let to = to.into_iter().collect();
        if self.ask(ToDriver::HandOver { to }).is_err() {
            return;
        }
        let deadline = Instant::now() + HAND_OVER_PATIENCE;
        let owns = |shown: &Shown| {
            matches!(shown.status.role, ReplicaRole::Owner { .. })
                && partitions.contains(&shown.status.partition)
        };
        while self.shared.shown().iter().any(owns) {
            if Instant::now() > deadline {
                tracing::warn!("partitions were not taken over in time; stopping all the same");
                return;
            }
            tokio::time::sleep(HAND_OVER_POLL).await;
        }
    }

    /// Completes with the reason once the driver has stopped without being asked. The process has
    /// to end then.
    pub async fn failure(self: Arc<Self>) -> String {
        let mut every = tokio::time::interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            if let Some(why) = self.shared.failure() {
                return why;
            }
        }
    }

    /// Stops: the driver ends after the batch at hand, snapshots under way are finished. A second
    /// call does nothing. Nothing needs to be saved: the log has everything.
    pub async fn stop(&self) {
        self.shared.stop();
        let threads = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(threads) = threads else { return };
        threads::join(threads).await;
    }

    /// This node's name.
    pub fn name(&self) -> &NodeName {
        &self.name
    }

    fn ask(&self, message: ToDriver) -> Result<(), String> {
        self.control.try_send(message).map_err(|_| {
            self.shared
                .failure()
                .unwrap_or_else(|| "the node is busy or stopping".to_owned())
        })
    }
}

async fn look_at_catalog(node: Weak<Node>, store: Store) {
    loop {
        let Some(node) = node.upgrade().filter(|node| !node.shared.is_stopping()) else {
            return;
        };
        let mut members = node.shared.shown().into_iter();
        if members.all(|shown| shown.status.at_end_of_log)
            && let Ok(machines) = node.machines().await
            && let Ok(catalog) = Catalog::look(&machines, &store, None).await
        {
            drop(node.catalog.set(catalog));
            return;
        }
        drop(node);
        tokio::time::sleep(CATALOG_RETRY).await;
    }
}
