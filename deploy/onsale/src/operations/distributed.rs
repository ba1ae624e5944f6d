//! What the ingress asks of a process of the distributed mode.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_ingress::{
    ClockMoved, ClockStatus, Expected, Instant, LastSnapshot, OperationError, Operations,
    PartitionStatus, Readiness, SnapshotDone, Which,
};
use onsale_log::kafka::{KafkaCommandLog, Serving};
use onsale_log::{CommandLog, Reply, Submission};
use onsale_processor::node::status::{NodeStatus, PartitionOnNode};
use onsale_schemas::{
    Command, Envelope, NodeName, Offset, Outcome, PartitionId, RequestId, Staff, Standing, codec,
};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::distributed::internal::{Internal, OfPartitions, SnapshotBody};
use crate::distributed::nodes::{NodeList, Nodes, Place};
use crate::distributed::owners::Owners;
use crate::distributed::ownership;
use crate::distributed::peers::Peers;
use crate::distributed::reconcile::{apply_all, reconcile_all};
use crate::distributed::watermarks::Watermarks;
use crate::fairness::Fairness;

/// How long a claim may take to come back as an outcome.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// Claims that are tried when the epoch known here turns out to be old.
const CLAIM_ATTEMPTS_MAX: u32 = 4;
/// Pause before another try: by then every node has said again where it stands.
const CLAIM_PAUSE: Duration = Duration::from_millis(1_100);

/// The distributed mode behind an ingress.
pub(crate) struct DistributedOperations {
    pub(crate) log: Arc<KafkaCommandLog>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) owners: Owners,
    pub(crate) watermarks: Arc<Watermarks>,
    pub(crate) internal: Arc<Internal>,
    pub(crate) peers: Peers,
    pub(crate) fairness: Fairness,
}

fn failed(error: impl std::fmt::Display) -> OperationError {
    OperationError::Failed(error.to_string())
}

/// The clocks that a node tells of.
fn clocks_of(node: &NodeStatus) -> impl Iterator<Item = ClockStatus> {
    node.clocks.iter().map(|clock| ClockStatus {
        node: node.node.clone(),
        clock: clock.clock.clone(),
        partition: clock.partition,
        held_to: Instant(clock.held_to_ms),
        ahead_ms: clock.ahead_ms,
        is_right: clock.problem.is_none(),
        problem: clock.problem.clone(),
    })
}

fn done(body: SnapshotBody) -> SnapshotDone {
    SnapshotDone {
        partition: body.partition,
        next_offset: body.next_offset,
        size_bytes: body.size_bytes,
        created_at: Instant(body.created_at_ms),
    }
}

impl DistributedOperations {
    fn partitions_of(&self, which: Which) -> Result<Vec<PartitionId>, OperationError> {
        let all = self.log.partitions();
        match which {
            Which::All => Ok((0..all).map(PartitionId).collect()),
            Which::One(one) if one.0 < all => Ok(vec![one]),
            Which::One(one) => Err(OperationError::UnknownPartition(one)),
        }
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

    fn partition(&self, list: &NodeList, partition: PartitionId) -> PartitionStatus {
        let projected_offset = self.watermarks.offset(partition);
        let Some(place) = list.place(partition) else {
            return PartitionStatus {
                partition,
                owner: None,
                epoch: 0,
                standby: None,
                next_offset: 0,
                lag: 0,
                digest: String::new(),
                last_snapshot: None,
                projected_offset,
            };
        };
        let leading = place.leading;
        let (epoch, owner) = self.owner(&place);
        let newest = list
            .alive()
            .flat_map(|node| &node.partitions)
            .filter(|on_node| on_node.partition == partition)
            .filter_map(|on_node| on_node.snapshot)
            .max_by_key(|snapshot| snapshot.next_offset);
        let own_lag = leading.end_offset.saturating_sub(leading.next_offset);
        // Both say where they stand once a second, not at the same moment.
        let standby_lag = place.standby.map_or(0, |(_, standby)| {
            leading.next_offset.saturating_sub(standby.next_offset)
        });
        PartitionStatus {
            partition,
            // Right after a move the nodes have not told yet who stands by.
            standby: place
                .standby
                .map(|(node, _)| node.node.clone())
                .filter(|standby| Some(standby) != owner.as_ref()),
            owner,
            epoch,
            next_offset: leading.next_offset,
            lag: own_lag.max(standby_lag),
            digest: leading.digest.clone(),
            last_snapshot: newest.map(|snapshot| LastSnapshot {
                next_offset: snapshot.next_offset,
                created_at: Instant(snapshot.created_at_ms),
            }),
            projected_offset,
        }
    }

    /// Epoch and owner of a partition, by whichever is newer.
    fn owner(&self, place: &Place<'_>) -> (u64, Option<NodeName>) {
        let PartitionOnNode {
            partition, epoch, ..
        } = *place.leading;
        match self.owners.later_than(partition, epoch) {
            Some((epoch, owner)) => (epoch, Some(owner)),
            None => (epoch, place.owner.clone()),
        }
    }

    /// Moves one partition: a claim on behalf of the node, repeated where the log knows a later
    /// epoch than the nodes have told.
    async fn move_one(&self, partition: PartitionId, to: &NodeName) -> Result<(), OperationError> {
        let mut epoch = 0;
        for attempt in 0..CLAIM_ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(CLAIM_PAUSE).await;
            }
            let list = self.nodes.list();
            let Some(place) = list.place(partition) else {
                continue;
            };
            let (known_epoch, owner) = self.owner(&place);
            if owner.as_ref() == Some(to) {
                return Ok(());
            }
            let is_there = place.standby.is_some_and(|(node, _)| node.node == *to)
                || list.node(to).is_some_and(|node| {
                    node.partitions
                        .iter()
                        .any(|on_node| on_node.partition == partition && on_node.stopped.is_none())
                });
            if !is_there {
                return Err(OperationError::Refused(format!(
                    "node {to} does not follow partition {partition} at the moment"
                )));
            }
            epoch = known_epoch.max(epoch) + 1;
            if self.claim(partition, to, epoch).await? {
                return Ok(());
            }
        }
        Err(OperationError::Unavailable(format!(
            "partition {partition} was not taken over by {to}; see `onsale status`"
        )))
    }

    /// Hands in a command of an operator; its outcome comes by the receiver.
    fn hand_in(
        &self,
        partition: PartitionId,
        command: Command,
        by: Option<Staff>,
    ) -> Result<oneshot::Receiver<Reply>, OperationError> {
        let request_id = RequestId(Uuid::new_v4());
        let payload = codec::encode(&Envelope {
            request_id: Some(request_id),
            by,
            ..Envelope::machine(command)
        })
        .map_err(failed)?;
        let (reply, received) = oneshot::channel();
        let submission = Submission {
            partition,
            request_id,
            payload,
            reply,
        };
        self.log
            .submit(submission)
            .map_err(|error| OperationError::Unavailable(error.to_string()))?;
        Ok(received)
    }

    /// Has a record take machine time of a partition to the time that the broker stamps it with.
    async fn reset_one(
        &self,
        partition: PartitionId,
        by: Staff,
    ) -> Result<ClockMoved, OperationError> {
        let unanswered = || {
            OperationError::Unavailable(format!(
                "partition {partition} has not answered; look at `onsale clock status`"
            ))
        };
        let received = self.hand_in(partition, Command::ResetClock, Some(by))?;
        let answer = tokio::time::timeout(CLAIM_PATIENCE, received).await;
        let record = answer
            .map_err(|_| unanswered())?
            .map_err(|_| unanswered())?;
        let record = record.map_err(|error| OperationError::Unavailable(error.to_string()))?;
        match record.outcome {
            Outcome::ClockReset { from_ms, to_ms } => Ok(ClockMoved {
                partition,
                from: Instant(from_ms),
                to: Instant(to_ms),
            }),
            other => Err(OperationError::Refused(format!(
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
    ) -> Result<bool, OperationError> {
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
            Ok(Ok(Err(error))) => Err(OperationError::Unavailable(error.to_string())),
            // A stale claim answers nobody, and a node that does not publish neither.
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }
}

#[async_trait]
impl Operations for DistributedOperations {
    async fn partitions(&self) -> Vec<PartitionStatus> {
        let list = self.nodes.list();
        (0..self.log.partitions())
            .map(|partition| self.partition(&list, PartitionId(partition)))
            .collect()
    }

    fn projected(&self, partition: PartitionId) -> Offset {
        self.watermarks.offset(partition)
    }

    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        deadline: Duration,
    ) -> bool {
        self.watermarks.wait_for(partition, offset, deadline).await
    }

    fn ready(&self) -> Readiness {
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

    async fn create_snapshots(&self, which: Which) -> Result<Vec<SnapshotDone>, OperationError> {
        let list = self.nodes.list();
        let mut by_node: BTreeMap<&NodeName, OfPartitions> = BTreeMap::new();
        for partition in self.partitions_of(which)? {
            // The standby, so that the owner is left alone where there is one.
            let place = list.place(partition);
            let standby = place.as_ref().and_then(|place| place.standby);
            let node = match (standby, place.and_then(|place| place.owner)) {
                (Some((node, _)), _) => Some(node),
                (None, owner) => owner.and_then(|owner| list.node(&owner)),
            };
            let node = node.ok_or_else(|| {
                OperationError::Unavailable(format!("no node follows partition {partition}"))
            })?;
            let of = by_node.entry(&node.node).or_default();
            of.partitions.push(partition);
        }
        let mut all = Vec::new();
        for (name, of) in &by_node {
            if let Some(node) = list.node(name) {
                let path = "/internal/snapshots";
                let made: Vec<SnapshotBody> = self
                    .peers
                    .post(node, path, of)
                    .await
                    // Whoever asks is the one who can do something about a full disk.
                    .map_err(|error| OperationError::Unavailable(format!("{error:#}")))?;
                all.extend(made.into_iter().map(done));
            }
        }
        all.sort_by_key(|snapshot| snapshot.partition);
        Ok(all)
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError> {
        let list = self.nodes.list();
        let mut all = Vec::new();
        for node in list.alive().filter(|node| !node.partitions.is_empty()) {
            let kept: Vec<SnapshotBody> = self
                .peers
                .get(node, "/internal/snapshots")
                .await
                .map_err(|error| failed(format!("{error:#}")))?;
            all.extend(kept.into_iter().map(done));
        }
        all.sort_by_key(|done| (done.partition, std::cmp::Reverse(done.next_offset)));
        all.dedup();
        Ok(all)
    }

    async fn failover(&self, which: Which, to: NodeName) -> Result<(), OperationError> {
        for partition in self.partitions_of(which)? {
            self.move_one(partition, &to).await?;
        }
        Ok(())
    }

    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError> {
        let list = self.nodes.list();
        let clocks: Vec<ClockStatus> = list.alive().flat_map(clocks_of).collect();
        if clocks.is_empty() {
            let why = "no processor says where its clock stands";
            return Err(OperationError::Unavailable(why.to_owned()));
        }
        Ok(clocks)
    }

    async fn reset_clock(
        &self,
        which: Which,
        force: bool,
        by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError> {
        let partitions = self.partitions_of(which)?;
        super::refuse_a_right_clock(&self.clock().await?, force)?;
        // Whom the broker's clock is held to: the operator has set those clocks as well.
        let list = self.nodes.list();
        for node in list.alive().filter(|node| !node.partitions.is_empty()) {
            let done: Result<serde_json::Value, _> =
                self.peers.post(node, "/internal/clock/reset", &()).await;
            done.map_err(|error| OperationError::Unavailable(format!("{error:#}")))?;
        }
        let mut moved = Vec::new();
        for partition in partitions {
            moved.push(self.reset_one(partition, by).await?);
        }
        Ok(moved)
    }

    async fn reconcile(&self) -> Result<serde_json::Value, OperationError> {
        let list = self.nodes.list();
        let report = reconcile_all(&list, &self.peers, self.log.partitions()).await;
        let report = report.map_err(|error| OperationError::Unavailable(format!("{error:#}")))?;
        serde_json::to_value(report).map_err(failed)
    }

    async fn apply_reconciliation(
        &self,
        report: serde_json::Value,
    ) -> Result<serde_json::Value, OperationError> {
        let report = serde_json::from_value(report)
            .map_err(|error| OperationError::Refused(format!("not a report: {error}")))?;
        let applied = apply_all(&self.nodes.list(), &self.peers, &report).await;
        let applied = applied.map_err(|error| OperationError::Refused(format!("{error:#}")))?;
        serde_json::to_value(applied).map_err(failed)
    }

    async fn explain(
        &self,
        partition: PartitionId,
        offset: Offset,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Option<Standing>, OperationError> {
        super::explain::explain(&self.fairness, partition, offset, expected, is_its_turn).await
    }

    async fn find_request(
        &self,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, OperationError> {
        super::explain::find_request(&self.fairness, request).await
    }

    fn refresh_metrics(&self) {
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
}
