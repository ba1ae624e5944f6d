//! What the ingress asks of the process it runs in, answered for the embedded mode.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_ingress::{
    ApiError, ClockMoved, ClockStatus, Instant, LastSnapshot, OperationError, Operations,
    PartitionStatus, Readiness, SnapshotDone, Which, read_given,
};
use onsale_processor::embedded::{Embedded, Held, ResetRefused};
use onsale_processor::reconcile::{ApplyError, Report};
use onsale_processor::standings::Standings;
use onsale_schemas::{NodeName, Offset, PartitionId, RequestId, Staff};
use onsale_store::Store;
use onsale_store::audit::Actor;
use serde_json::Value;
use uuid::Uuid;

use super::standings::FromLog;
use super::{NEW_REPORT, done, failed, one, to_json};
use crate::descriptors::Descriptors;
use crate::in_place::InPlace;

/// The embedded mode behind the ingress.
pub(crate) struct EmbeddedOperations {
    embedded: Arc<Embedded>,
    store: Store,
    node: NodeName,
    standings: FromLog,
    descriptors: Descriptors,
    in_place: InPlace,
}

impl EmbeddedOperations {
    pub(crate) fn new(
        embedded: Arc<Embedded>,
        store: Store,
        node: &str,
        standings: Standings,
        descriptors: Descriptors,
        in_place: InPlace,
    ) -> Self {
        Self {
            embedded,
            store,
            node: NodeName(node.to_owned()),
            standings: FromLog(standings),
            descriptors,
            in_place,
        }
    }
}

impl EmbeddedOperations {
    /// The follower, standing still; it can be held by one at a time.
    async fn held(&self) -> Result<Held, OperationError> {
        let held = self.embedded.hold().await;
        held.map_err(|error| OperationError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Operations for EmbeddedOperations {
    async fn partitions(&self) -> Vec<PartitionStatus> {
        let status = self.embedded.status().into_iter();
        status
            .map(|status| PartitionStatus {
                partition: status.partition,
                owner: Some(self.node.clone()),
                epoch: status.owner.epoch,
                standby: None,
                next_offset: status.owner.next_offset,
                lag: status
                    .owner
                    .next_offset
                    .saturating_sub(status.follower_next),
                digest: format!("{:016x}", status.owner.digest),
                last_snapshot: status.snapshot.map(|written| LastSnapshot {
                    next_offset: written.next_offset,
                    created_at: Instant(written.created_at_ms),
                }),
                projected_offset: status.projected_next,
            })
            .collect()
    }

    fn projected(&self, partition: PartitionId) -> Offset {
        self.embedded.projected().offset(partition)
    }

    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        deadline: Duration,
    ) -> bool {
        self.embedded
            .projected()
            .wait_for(partition, offset, deadline)
            .await
    }

    fn ready(&self) -> Readiness {
        let mut problems = self.embedded.problems();
        problems.extend(self.in_place.problem());
        let ready = problems.is_empty();
        problems.extend(self.in_place.warning());
        problems.extend(self.embedded.warnings());
        problems.extend(self.descriptors.problem());
        Readiness { ready, problems }
    }

    async fn create_snapshots(&self, which: Which) -> Result<Vec<SnapshotDone>, OperationError> {
        let partition = one(which);
        if let Some(unknown) = partition.filter(|one| one.0 >= self.embedded.partitions()) {
            return Err(OperationError::UnknownPartition(unknown));
        }
        let written = self
            .embedded
            .snapshot(partition)
            .await
            // Only the caller can do something about a full disk.
            .map_err(OperationError::Unavailable)?;
        Ok(written.into_iter().map(done).collect())
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError> {
        let kept = self.embedded.snapshots().map_err(failed)?;
        Ok(kept.into_iter().map(done).collect())
    }

    async fn failover(&self, _which: Which, _to: NodeName) -> Result<(), OperationError> {
        Err(OperationError::NotSupported(
            "The embedded log has one node: there is none to move a partition to.".to_owned(),
        ))
    }

    async fn reconcile(&self) -> Result<serde_json::Value, OperationError> {
        let held = self.held().await?;
        let report = self
            .embedded
            .compare(&held, &self.store)
            .await
            .map_err(failed)?;
        to_json(&report)
    }

    async fn apply_reconciliation(&self, given: Value, by: Actor) -> Result<Value, OperationError> {
        let report: Report = read_given(&given)?;
        let held = self.held().await?;
        let applied = self
            .embedded
            .apply(&report, &held, &self.store, &by)
            .await
            .map_err(|error| match error {
                ApplyError::Store(error) => failed(error),
                ApplyError::Log(error) => failed(error),
                ApplyError::Moving(_) => OperationError::Unavailable(error.to_string()),
                refused => {
                    let why = refused.to_string();
                    let field = refused.field().unwrap_or("body");
                    let value = given.get(field).unwrap_or(&Value::Null);
                    OperationError::Refused(ApiError::wrong(field, value, &why, NEW_REPORT))
                }
            })?;
        to_json(&applied)
    }

    fn standings(&self) -> &dyn onsale_ingress::Standings {
        &self.standings
    }

    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError> {
        let clock = self.embedded.clock();
        Ok(vec![ClockStatus {
            node: self.node.clone(),
            clock: "machine".to_owned(),
            partition: None,
            held_to: Instant(clock.machine_ms),
            ahead_ms: clock.wall_ahead_ms,
            is_right: clock.is_followed,
            problem: clock.problem(),
        }])
    }

    async fn reset_clock(
        &self,
        which: Which,
        force: bool,
        by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError> {
        if let Which::One(partition) = which {
            return Err(OperationError::Refused(ApiError::wrong(
                "partition",
                partition,
                "one clock stamps the records of all partitions here, so none can be set alone",
                "no partition",
            )));
        }
        super::refuse_a_right_clock(&self.clock().await?, force)?;
        let request = RequestId(Uuid::new_v4());
        let moved = self.embedded.reset_clock(request, by).await;
        let moved = moved.map_err(|error| match error {
            ResetRefused::Submit(_) => OperationError::Unavailable(error.to_string()),
            ResetRefused::Version {
                partition, needed, ..
            } => OperationError::Refused(ApiError::wrong(
                "partition",
                partition,
                &error.to_string(),
                &format!("a partition of machine version {needed} or later"),
            )),
            ResetRefused::Outcome { .. } => OperationError::Failed(error.to_string()),
        })?;
        let moved = moved.into_iter();
        Ok(moved
            .map(|(partition, from_ms, to_ms)| ClockMoved {
                partition,
                from: Instant(from_ms),
                to: Instant(to_ms),
            })
            .collect())
    }

    fn refresh_metrics(&self) {
        self.embedded.refresh_metrics(self.store.connections().0);
        self.descriptors.refresh();
    }
}
