//! A cluster behind an ingress.

use std::time::Duration;

use async_trait::async_trait;
use onsale_cluster::{Cluster, ClusterError, PartitionState, Readiness as NodeReadiness};
use onsale_ingress::{
    ApiError, ClockMoved, ClockStatus, Instant, LastSnapshot, OperationError, Operations,
    PartitionStatus, Readiness, SnapshotDone, Which, read_given,
};
use onsale_processor::reconcile::Report;
use onsale_processor::standings::Standings;
use onsale_schemas::{NodeName, Offset, PartitionId, Staff};
use onsale_store::audit::Actor;

use super::standings::FromLog;
use super::{done, one, to_json};

/// The distributed mode behind an ingress.
pub(crate) struct DistributedOperations {
    cluster: Cluster,
    standings: FromLog,
}

impl DistributedOperations {
    pub(crate) fn new(cluster: Cluster, standings: Standings) -> Self {
        Self {
            cluster,
            standings: FromLog(standings),
        }
    }
}

fn failure(error: ClusterError) -> OperationError {
    match error {
        ClusterError::UnknownPartition(partition) => OperationError::UnknownPartition(partition),
        ClusterError::Refused {
            field,
            why,
            expected,
        } => {
            let value = serde_json::Value::Null;
            OperationError::Refused(ApiError::wrong(field, value, &why, &expected))
        }
        ClusterError::Unavailable(why) => OperationError::Unavailable(why),
        ClusterError::NoDatabase(why) => OperationError::NoDatabase(why),
        ClusterError::Failed(why) => OperationError::Failed(why),
    }
}

fn status(state: PartitionState) -> PartitionStatus {
    PartitionStatus {
        partition: state.partition,
        owner: state.owner,
        epoch: state.epoch,
        standby: state.standby,
        next_offset: state.next_offset,
        lag: state.lag,
        digest: state.digest,
        last_snapshot: state.snapshot.map(|snapshot| LastSnapshot {
            next_offset: snapshot.next_offset,
            created_at: Instant(snapshot.created_at_ms),
        }),
        projected_offset: state.projected_offset,
    }
}

#[async_trait]
impl Operations for DistributedOperations {
    async fn partitions(&self) -> Vec<PartitionStatus> {
        self.cluster.partitions().into_iter().map(status).collect()
    }

    fn projected(&self, partition: PartitionId) -> Offset {
        self.cluster.watermarks.offset(partition)
    }

    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        deadline: Duration,
    ) -> bool {
        let watermarks = &self.cluster.watermarks;
        watermarks.wait_for(partition, offset, deadline).await
    }

    fn ready(&self) -> Readiness {
        let NodeReadiness { ready, problems } = self.cluster.readiness();
        Readiness { ready, problems }
    }

    async fn create_snapshots(&self, which: Which) -> Result<Vec<SnapshotDone>, OperationError> {
        let partitions = self.cluster.partitions_of(one(which)).map_err(failure)?;
        let cut = self.cluster.create_snapshots(partitions).await;
        Ok(cut.map_err(failure)?.into_iter().map(done).collect())
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError> {
        let kept = self.cluster.snapshots().await.map_err(failure)?;
        Ok(kept.into_iter().map(done).collect())
    }

    async fn failover(&self, which: Which, to: NodeName) -> Result<(), OperationError> {
        let partitions = self.cluster.partitions_of(one(which)).map_err(failure)?;
        let moved = self.cluster.failover(partitions, &to).await;
        moved.map_err(failure)
    }

    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError> {
        let clocks = self.cluster.clocks().map_err(failure)?;
        let status = clocks.into_iter().map(|(node, clock)| ClockStatus {
            node,
            clock: clock.clock,
            partition: clock.partition,
            held_to: Instant(clock.held_to_ms),
            ahead_ms: clock.ahead_ms,
            is_right: clock.problem.is_none(),
            problem: clock.problem,
        });
        Ok(status.collect())
    }

    async fn reset_clock(
        &self,
        which: Which,
        force: bool,
        by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError> {
        let partitions = self.cluster.partitions_of(one(which)).map_err(failure)?;
        super::refuse_a_right_clock(&self.clock().await?, force)?;
        let set = self.cluster.reset_clock(partitions, by).await;
        let moved = set.map_err(failure)?.into_iter().map(|set| ClockMoved {
            partition: set.partition,
            from: Instant(set.from_ms),
            to: Instant(set.to_ms),
        });
        Ok(moved.collect())
    }

    async fn reconcile(&self) -> Result<serde_json::Value, OperationError> {
        let report = self.cluster.reconcile().await.map_err(failure)?;
        to_json(&report)
    }

    async fn apply_reconciliation(
        &self,
        given: serde_json::Value,
        by: Actor,
    ) -> Result<serde_json::Value, OperationError> {
        let report: Report = read_given(&given)?;
        let applied = self.cluster.apply_reconciliation(&report, &by).await;
        let applied = applied.map_err(failure)?;
        to_json(&applied)
    }

    fn standings(&self) -> &dyn onsale_ingress::Standings {
        &self.standings
    }

    fn refresh_metrics(&self) {
        self.cluster.refresh_metrics();
    }
}
