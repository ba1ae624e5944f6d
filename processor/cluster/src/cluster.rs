//! What an ingress has done by the whole cluster.

mod clocks;
mod failover;
mod snapshots;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use onsale_log::kafka::{KafkaCommandLog, Serving};
use onsale_log::{CommandLog, Reply, Submission};
use onsale_processor::node::status::{PartitionOnNode, SnapshotOnNode};
use onsale_processor::reconcile::{Applied, Report};
use onsale_schemas::{Command, Envelope, NodeName, Offset, PartitionId, RequestId, Staff};
use onsale_store::audit::Actor;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::claims::Claims;
use crate::internal::{Internal, Readiness};
use crate::nodes::{NodeList, Nodes, Replicas};
use crate::peers::{PeerError, Peers};
use crate::reconcile::{FanOutError, apply_all, reconcile_all};
use crate::unowned;
use crate::watermarks::Watermarks;

pub use clocks::ClockSet;

/// How long the outcome of an operator's command may take to come back.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// The cluster, as an ingress sees it.
pub struct Cluster {
    /// The log.
    pub log: Arc<KafkaCommandLog>,
    /// Who is there.
    pub nodes: Arc<Nodes>,
    /// Who owns which partition.
    pub claims: Claims,
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

/// Why the cluster did not do something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClusterError {
    /// No such partition.
    #[error("there is no partition {0}")]
    UnknownPartition(PartitionId),
    /// What was given may not be used.
    #[error("{field}: {why}")]
    Refused {
        /// The field of the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
        /// What would be right.
        expected: String,
    },
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// The database does not answer.
    #[error("{0}")]
    NoDatabase(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// An error and what it comes from, in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

fn unavailable(error: &dyn Error) -> ClusterError {
    ClusterError::Unavailable(with_causes(error))
}

/// Why a report was not applied: only what an owner refused is the caller's to correct.
pub(crate) fn not_applied(error: FanOutError) -> ClusterError {
    let why = with_causes(&error);
    match error {
        FanOutError::Peer(PeerError::Refused { status, .. })
            if status == StatusCode::BAD_REQUEST =>
        {
            ClusterError::Refused {
                // Which field of it is wrong is in the owner's text.
                field: "body",
                why,
                expected: "a report that the cluster has just given".to_owned(),
            }
        }
        FanOutError::Peer(PeerError::Refused { status, .. })
            if status != StatusCode::SERVICE_UNAVAILABLE =>
        {
            ClusterError::Failed(why)
        }
        FanOutError::Peer(_) | FanOutError::NoOwner(_) | FanOutError::NoPartitions => {
            ClusterError::Unavailable(why)
        }
    }
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
                let list = self.nodes.list();
                let mut unowned = list.unowned(self.log.partitions());
                // Right after a move the new owner has not announced it yet.
                unowned.retain(|partition| !self.is_claimed(&list, *partition));
                if !unowned.is_empty() {
                    // As long as any is answered, this node is of use.
                    ready &= unowned.len() < usize::from(self.log.partitions());
                    problems.push(format!(
                        "no living node owns partitions {}: requests for them are not answered",
                        unowned::names(&unowned)
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
        if let Some(silence) = self.nodes.silent_for() {
            problems.push(format!(
                "Kafka has delivered no report of any node for {} s: see whether the brokers run",
                silence.as_secs()
            ));
        }
        // Without it nothing is refused that is not read from it: no reason to be taken away.
        if !self.watermarks.is_reachable() {
            problems.push("the database does not answer; sales go on".to_owned());
        }
        Readiness { ready, problems }
    }

    /// Compares the machines of all owners with the database.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when a partition has no owner, or its owner cannot compare.
    pub async fn reconcile(&self) -> Result<Report, ClusterError> {
        let list = self.nodes.list();
        let report = reconcile_all(&list, &self.peers, self.log.partitions()).await;
        report.map_err(|error| {
            if self.watermarks.is_reachable() {
                return unavailable(&error);
            }
            ClusterError::NoDatabase(format!(
                "the database does not answer, so there is nothing to compare with: start it, then try \
                 again ({})",
                with_causes(&error)
            ))
        })
    }

    /// Repairs the database from a report, `by` an operator, as the audit trail says.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] when an owner refuses its part, [`ClusterError::Unavailable`] when one
    /// is not there, [`ClusterError::Failed`] when nothing could be repaired.
    pub async fn apply_reconciliation(
        &self,
        report: &Report,
        by: &Actor,
    ) -> Result<Applied, ClusterError> {
        let applied = apply_all(&self.nodes.list(), &self.peers, report, by).await;
        applied.map_err(not_applied)
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
            // Right after a move the nodes have not announced yet who stands by.
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

    /// Whether a living node has claimed the partition since the nodes last said who owns it.
    fn is_claimed(&self, list: &NodeList, partition: PartitionId) -> bool {
        let Some(replicas) = list.replicas(partition) else {
            return false;
        };
        let claim = self.claims.later_than(partition, replicas.leading.epoch);
        claim.is_some_and(|(_, owner)| list.node(&owner).is_some())
    }

    /// Epoch and owner of a partition, by whichever is newer.
    fn owner(&self, replicas: &Replicas<'_>) -> (u64, Option<NodeName>) {
        let PartitionOnNode {
            partition, epoch, ..
        } = *replicas.leading;
        match self.claims.later_than(partition, epoch) {
            Some((epoch, owner)) => (epoch, Some(owner)),
            None => (epoch, replicas.owner.clone()),
        }
    }

    /// Submits a command of an operator; the receiver gets its outcome.
    fn submit(
        &self,
        partition: PartitionId,
        command: Command,
        by: Option<Staff>,
    ) -> Result<oneshot::Receiver<Reply>, ClusterError> {
        let request_id = RequestId(Uuid::new_v4());
        let envelope = Envelope {
            by,
            ..Envelope::machine(command)
        };
        let (submission, received) = Submission::new(partition, request_id, envelope)
            .map_err(|error| ClusterError::Failed(error.to_string()))?;
        self.log
            .submit(submission)
            .map_err(|error| ClusterError::Unavailable(error.to_string()))?;
        Ok(received)
    }
}
