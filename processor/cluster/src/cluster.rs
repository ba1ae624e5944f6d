//! What an ingress has done by the whole cluster.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use onsale_log::kafka::{KafkaCommandLog, Serving};
use onsale_log::{CommandLog, Reply, Submission};
use onsale_processor::node::status::{ClockOnNode, NodeStatus, PartitionOnNode, SnapshotOnNode};
use onsale_processor::reconcile::{Applied, Report};
use onsale_processor::snapshots::Written;
use onsale_schemas::{
    Command, Envelope, NodeName, Offset, Outcome, PartitionId, RequestId, Staff, codec,
};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::internal::{Internal, OfPartitions, Readiness};
use crate::nodes::{NodeList, Nodes, Replicas};
use crate::owners::Owners;
use crate::ownership;
use crate::peers::Peers;
use crate::reconcile::{apply_all, reconcile_all};
use crate::watermarks::Watermarks;

/// Where nodes are asked for snapshots.
const SNAPSHOTS: &str = "/internal/snapshots";
/// Where nodes are asked to take the clocks as right.
const CLOCK_RESET: &str = "/internal/clock/reset";
/// How long a claim may take to come back as an outcome.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// Claims that are tried when the epoch known here turns out to be old.
const CLAIM_ATTEMPTS_MAX: u32 = 4;
/// Pause before another try: by then every node has said again where it stands.
const CLAIM_PAUSE: Duration = Duration::from_millis(1_100);

/// The cluster, as an ingress sees it.
pub struct Cluster {
    /// The log.
    pub log: Arc<KafkaCommandLog>,
    /// Who is there.
    pub nodes: Arc<Nodes>,
    /// Who owns which partition.
    pub owners: Owners,
    /// How far the projection is.
    pub watermarks: Arc<Watermarks>,
    /// This node.
    pub internal: Arc<Internal>,
    /// Calls to the others.
    pub peers: Peers,
}

/// Where a partition stands in the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionState {
    /// The partition.
    pub partition: PartitionId,
    /// The node that owns it, as the log says.
    pub owner: Option<NodeName>,
    /// Epoch of the owner's claim.
    pub epoch: u64,
    /// The node that would take over.
    pub standby: Option<NodeName>,
    /// Offset of the next record to apply.
    pub next_offset: Offset,
    /// Records in the log that are not applied yet.
    pub lag: u64,
    /// The state's digest at `next_offset`, in hex.
    pub digest: String,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotOnNode>,
    /// Every record before this offset is in the database.
    pub projected_offset: Offset,
}

/// Machine time of a partition was set, in milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSet {
    /// The partition.
    pub partition: PartitionId,
    /// Machine time before.
    pub from_ms: u64,
    /// Machine time from the record on.
    pub to_ms: u64,
}

/// Why the cluster did not do something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClusterError {
    /// No such partition.
    #[error("there is no partition {0}")]
    UnknownPartition(PartitionId),
    /// What was given may not be used.
    #[error("{0}")]
    Refused(String),
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// An error and what it comes from, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn unavailable(error: &dyn Error) -> ClusterError {
    ClusterError::Unavailable(with_causes(error))
}

impl Cluster {
    /// One partition, or all of them.
    ///
    /// # Errors
    /// [`ClusterError::UnknownPartition`].
    pub fn partitions_of(
        &self,
        one: Option<PartitionId>,
    ) -> Result<Vec<PartitionId>, ClusterError> {
        let all = self.log.partitions();
        match one {
            None => Ok((0..all).map(PartitionId).collect()),
            Some(one) if one.0 < all => Ok(vec![one]),
            Some(one) => Err(ClusterError::UnknownPartition(one)),
        }
    }

    /// Every partition's state, ascending.
    pub fn partitions(&self) -> Vec<PartitionState> {
        let list = self.nodes.list();
        (0..self.log.partitions())
            .map(|partition| self.partition(&list, PartitionId(partition)))
            .collect()
    }

    /// Whether this node can serve, and what is in the way.
    pub fn readiness(&self) -> Readiness {
        let Readiness {
            mut ready,
            mut problems,
        } = self.internal.readiness();
        match &*self.log.serving().borrow() {
            Serving::Ready => {
                let unowned = self.nodes.list().unowned(self.log.partitions());
                if !unowned.is_empty() {
                    // As long as any is answered, this node is of use.
                    ready &= unowned.len() < usize::from(self.log.partitions());
                    problems.push(format!(
                        "no living node owns partitions {}: nothing of them is answered",
                        ownership::names(&unowned)
                    ));
                }
            }
            Serving::SetBack(why) => {
                ready = false;
                problems.push(why.clone());
            }
            Serving::Starting(missing) => {
                ready = false;
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                let missing = missing.join(", ");
                problems.push(format!("no answer yet from partitions {missing}"));
            }
            Serving::Stopped(why) => {
                ready = false;
                problems.push(why.clone());
            }
        }
        if let Some(why) = self.broker_clock_problem() {
            ready = false;
            problems.push(why);
        }
        // Without it nothing is refused that is not read from it: no reason to be taken away.
        if !self.watermarks.is_reachable() {
            problems.push("the database does not answer; sales go on".to_owned());
        }
        Readiness { ready, problems }
    }

    /// Has a snapshot cut of each of these partitions.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when nobody follows one of them, or one cannot be written.
    pub async fn create_snapshots(
        &self,
        partitions: Vec<PartitionId>,
    ) -> Result<Vec<Written>, ClusterError> {
        let list = self.nodes.list();
        let mut by_node: BTreeMap<&NodeName, OfPartitions> = BTreeMap::new();
        for partition in partitions {
            // The standby, so that the owner is left alone where there is one.
            let replicas = list.replicas(partition);
            let standby = replicas.as_ref().and_then(|replicas| replicas.standby);
            let node = match (standby, replicas.and_then(|replicas| replicas.owner)) {
                (Some((node, _)), _) => Some(node),
                (None, owner) => owner.and_then(|owner| list.node(&owner)),
            };
            let node = node.ok_or_else(|| {
                ClusterError::Unavailable(format!("no node follows partition {partition}"))
            })?;
            let of = by_node.entry(&node.node).or_default();
            of.partitions.push(partition);
        }
        let mut all = Vec::new();
        for (name, of) in &by_node {
            if let Some(node) = list.node(name) {
                let cut = self.peers.post(node, SNAPSHOTS, of).await;
                // Only the caller can do something about a full disk.
                let cut: Vec<Written> = cut.map_err(|error| unavailable(&error))?;
                all.extend(cut);
            }
        }
        all.sort_by_key(|snapshot| snapshot.partition);
        Ok(all)
    }

    /// The snapshots that nodes keep, newest first within a partition.
    ///
    /// # Errors
    /// [`ClusterError::Failed`] when a node does not say.
    pub async fn snapshots(&self) -> Result<Vec<Written>, ClusterError> {
        let list = self.nodes.list();
        let mut all = Vec::new();
        for node in list.alive().filter(|node| !node.partitions.is_empty()) {
            let kept: Vec<Written> = self
                .peers
                .get(node, SNAPSHOTS)
                .await
                .map_err(|error| ClusterError::Failed(with_causes(&error)))?;
            all.extend(kept);
        }
        all.sort_by_key(|kept| (kept.partition, std::cmp::Reverse(kept.next_offset)));
        all.dedup();
        Ok(all)
    }

    /// Moves each of these partitions to the node `to`.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] when the node does not follow one of them,
    /// [`ClusterError::Unavailable`] when the log does not answer.
    pub async fn failover(
        &self,
        partitions: Vec<PartitionId>,
        to: &NodeName,
    ) -> Result<(), ClusterError> {
        for partition in partitions {
            self.move_one(partition, to).await?;
        }
        Ok(())
    }

    /// Where the clocks of all processors stand, as they say.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when no processor says.
    pub fn clocks(&self) -> Result<Vec<(NodeName, ClockOnNode)>, ClusterError> {
        let list = self.nodes.list();
        let of_node = |node: &NodeStatus| {
            let name = node.node.clone();
            let clocks = node.clocks.clone().into_iter();
            clocks.map(move |clock| (name.clone(), clock))
        };
        let clocks: Vec<_> = list.alive().flat_map(of_node).collect();
        if clocks.is_empty() {
            let why = "no processor says where its clock stands";
            return Err(ClusterError::Unavailable(why.to_owned()));
        }
        Ok(clocks)
    }

    /// Takes the broker's clock as right, by a record in the log of each of these partitions, which
    /// says that `by` asked.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] where the log does not know how yet, [`ClusterError::Unavailable`]
    /// when a node or the log does not answer.
    pub async fn reset_clock(
        &self,
        partitions: Vec<PartitionId>,
        by: Staff,
    ) -> Result<Vec<ClockSet>, ClusterError> {
        // The nodes that hold the broker's clock to theirs: the operator has set those as well.
        let list = self.nodes.list();
        for node in list.alive().filter(|node| !node.partitions.is_empty()) {
            let done: Result<serde_json::Value, _> = self.peers.post(node, CLOCK_RESET, &()).await;
            done.map_err(|error| unavailable(&error))?;
        }
        let mut set = Vec::new();
        for partition in partitions {
            set.push(self.reset_one(partition, by).await?);
        }
        Ok(set)
    }

    /// Compares the machines of all owners with the database.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when a partition has no owner, or its owner cannot compare.
    pub async fn reconcile(&self) -> Result<Report, ClusterError> {
        let list = self.nodes.list();
        let report = reconcile_all(&list, &self.peers, self.log.partitions()).await;
        report.map_err(|error| unavailable(&error))
    }

    /// Repairs the database from a report.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] when an owner refuses its part.
    pub async fn apply_reconciliation(&self, report: &Report) -> Result<Applied, ClusterError> {
        let applied = apply_all(&self.nodes.list(), &self.peers, report).await;
        applied.map_err(|error| ClusterError::Refused(with_causes(&error)))
    }

    /// Brings gauges up to date.
    pub fn refresh_metrics(&self) {
        self.internal.refresh_metrics();
        let metrics = &self.internal.metrics;
        for partition in (0..self.log.partitions()).map(PartitionId) {
            // What this process has read itself is fresher than what nodes say, and is there when
            // no projector is.
            let published = self.log.seen(partition).map_or(0, |last| last + 1);
            let lag = published.saturating_sub(self.watermarks.offset(partition));
            metrics.show_projection_lag(partition, lag);
        }
        metrics.show_queued(self.log.pending());
    }

    /// What is wrong with the broker's clock, where every processor that is there says so: one alone
    /// may have a wrong clock itself.
    fn broker_clock_problem(&self) -> Option<String> {
        let list = self.nodes.list();
        let said = list.alive().filter(|node| !node.clocks.is_empty());
        let mut said = said.map(|node| {
            let broker = node.clocks.iter().find(|clock| clock.clock == "broker");
            broker.and_then(|clock| clock.problem.clone())
        });
        let first = said.next()??;
        said.all(|problem| problem.is_some()).then_some(first)
    }

    fn partition(&self, list: &NodeList, partition: PartitionId) -> PartitionState {
        let projected_offset = self.watermarks.offset(partition);
        let Some(replicas) = list.replicas(partition) else {
            return PartitionState {
                partition,
                owner: None,
                epoch: 0,
                standby: None,
                next_offset: 0,
                lag: 0,
                digest: String::new(),
                snapshot: None,
                projected_offset,
            };
        };
        let leading = replicas.leading;
        let (epoch, owner) = self.owner(&replicas);
        let newest = list
            .alive()
            .flat_map(|node| &node.partitions)
            .filter(|on_node| on_node.partition == partition)
            .filter_map(|on_node| on_node.snapshot)
            .max_by_key(|snapshot| snapshot.next_offset);
        let own_lag = leading.end_offset.saturating_sub(leading.next_offset);
        // Both say where they stand once a second, not at the same moment.
        let standby_lag = replicas.standby.map_or(0, |(_, standby)| {
            leading.next_offset.saturating_sub(standby.next_offset)
        });
        PartitionState {
            partition,
            // Right after a move the nodes have not told yet who stands by.
            standby: replicas
                .standby
                .map(|(node, _)| node.node.clone())
                .filter(|standby| Some(standby) != owner.as_ref()),
            owner,
            epoch,
            next_offset: leading.next_offset,
            lag: own_lag.max(standby_lag),
            digest: leading.digest.clone(),
            snapshot: newest,
            projected_offset,
        }
    }

    /// Epoch and owner of a partition, by whichever is newer.
    fn owner(&self, replicas: &Replicas<'_>) -> (u64, Option<NodeName>) {
        let PartitionOnNode {
            partition, epoch, ..
        } = *replicas.leading;
        match self.owners.later_than(partition, epoch) {
            Some((epoch, owner)) => (epoch, Some(owner)),
            None => (epoch, replicas.owner.clone()),
        }
    }

    /// Moves one partition: a claim on behalf of the node, repeated where the log knows a later
    /// epoch than the nodes have told.
    async fn move_one(&self, partition: PartitionId, to: &NodeName) -> Result<(), ClusterError> {
        let mut epoch = 0;
        for attempt in 0..CLAIM_ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(CLAIM_PAUSE).await;
            }
            let list = self.nodes.list();
            let Some(replicas) = list.replicas(partition) else {
                continue;
            };
            let (known_epoch, owner) = self.owner(&replicas);
            if owner.as_ref() == Some(to) {
                return Ok(());
            }
            let is_there = replicas.standby.is_some_and(|(node, _)| node.node == *to)
                || list.node(to).is_some_and(|node| {
                    node.partitions
                        .iter()
                        .any(|on_node| on_node.partition == partition && on_node.stopped.is_none())
                });
            if !is_there {
                return Err(ClusterError::Refused(format!(
                    "node {to} does not follow partition {partition} at the moment"
                )));
            }
            epoch = known_epoch.max(epoch) + 1;
            if self.claim(partition, to, epoch).await? {
                return Ok(());
            }
        }
        Err(ClusterError::Unavailable(format!(
            "partition {partition} was not taken over by {to}; see `onsale status`"
        )))
    }

    /// Hands in a command of an operator; its outcome comes by the receiver.
    fn hand_in(
        &self,
        partition: PartitionId,
        command: Command,
        by: Option<Staff>,
    ) -> Result<oneshot::Receiver<Reply>, ClusterError> {
        let request_id = RequestId(Uuid::new_v4());
        let payload = codec::encode(&Envelope {
            request_id: Some(request_id),
            by,
            ..Envelope::machine(command)
        })
        .map_err(|error| ClusterError::Failed(error.to_string()))?;
        let (reply, received) = oneshot::channel();
        let submission = Submission {
            partition,
            request_id,
            payload,
            reply,
        };
        self.log
            .submit(submission)
            .map_err(|error| ClusterError::Unavailable(error.to_string()))?;
        Ok(received)
    }

    /// Has a record take machine time of a partition to the time that the broker stamps it with.
    async fn reset_one(&self, partition: PartitionId, by: Staff) -> Result<ClockSet, ClusterError> {
        let unanswered = || {
            ClusterError::Unavailable(format!(
                "partition {partition} has not answered; look at `onsale clock status`"
            ))
        };
        let received = self.hand_in(partition, Command::ResetClock, Some(by))?;
        let answer = tokio::time::timeout(CLAIM_PATIENCE, received).await;
        let record = answer
            .map_err(|_| unanswered())?
            .map_err(|_| unanswered())?;
        let record = record.map_err(|error| ClusterError::Unavailable(error.to_string()))?;
        match record.outcome {
            Outcome::ClockReset { from_ms, to_ms } => Ok(ClockSet {
                partition,
                from_ms,
                to_ms,
            }),
            other => Err(ClusterError::Refused(format!(
                "partition {partition} answered {other:?}: a clock is reset from machine version \
                 {} on, which a barrier in the log switches on once every node is upgraded",
                Command::ResetClock.machine_version()
            ))),
        }
    }

    /// True when the claim was the one that counted.
    async fn claim(
        &self,
        partition: PartitionId,
        to: &NodeName,
        epoch: u64,
    ) -> Result<bool, ClusterError> {
        let command = Command::Claim {
            node: to.clone(),
            epoch,
        };
        let received = self.hand_in(partition, command, None)?;
        match tokio::time::timeout(CLAIM_PATIENCE, received).await {
            Ok(Ok(Ok(record))) => Ok(matches!(
                &record.outcome,
                Outcome::Claimed { node, .. } if node == to
            )),
            Ok(Ok(Err(error))) => Err(ClusterError::Unavailable(error.to_string())),
            // A stale claim answers nobody, and a node that does not publish neither.
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }
}
