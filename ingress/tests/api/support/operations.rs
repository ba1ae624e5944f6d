//! Operations that do what the test says.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use onsale_ingress::{
    ApiError, ClockMoved, ClockStatus, Expected, Instant, LastSnapshot, OperationError, Operations,
    PartitionStatus, Readiness, SnapshotDone, Standings, Which,
};
use onsale_schemas::{NodeName, Offset, PartitionId, RequestId, Staff, Standing};
use onsale_store::audit::Actor;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub(crate) struct FakeOperations {
    pub(crate) projected: AtomicU64,
    /// Partitions of which nothing is projected.
    pub(crate) standing: Mutex<BTreeSet<PartitionId>>,
    pub(crate) ready: AtomicBool,
    /// Makes [`Operations::ready`] panic.
    pub(crate) panics: AtomicBool,
    /// What there is to explain.
    pub(crate) explained: Mutex<HashMap<(PartitionId, Offset), Standing>>,
    /// What comes of explaining instead.
    pub(crate) explain_error: Mutex<Option<OperationError>>,
    /// How many explanations more take long when it is not their turn.
    pub(crate) long: AtomicU64,
    /// What is expected where something is explained.
    pub(crate) expected: Mutex<Vec<Option<Expected>>>,
    /// Explanations that were begun, and how many of them may end.
    pub(crate) explaining: AtomicU64,
    pub(crate) explain_gate: Semaphore,
    /// Requests that were looked for, and how many of these searches may end.
    pub(crate) finding: AtomicU64,
    pub(crate) find_gate: Semaphore,
    /// Who asked last for the clock to be reset.
    pub(crate) clock_reset_by: Mutex<Option<Staff>>,
    /// How often a caller waited for the projection.
    pub(crate) waits: AtomicU64,
}

impl Default for FakeOperations {
    fn default() -> Self {
        Self {
            projected: AtomicU64::new(u64::MAX),
            standing: Mutex::default(),
            ready: AtomicBool::new(true),
            panics: AtomicBool::new(false),
            explained: Mutex::default(),
            explain_error: Mutex::default(),
            long: AtomicU64::new(0),
            expected: Mutex::default(),
            explaining: AtomicU64::new(0),
            explain_gate: Semaphore::new(1_000),
            finding: AtomicU64::new(0),
            find_gate: Semaphore::new(1_000),
            clock_reset_by: Mutex::default(),
            waits: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl Operations for FakeOperations {
    async fn partitions(&self) -> Vec<PartitionStatus> {
        vec![PartitionStatus {
            partition: PartitionId(0),
            owner: Some(NodeName("a".to_owned())),
            epoch: 1,
            standby: None,
            next_offset: 7,
            lag: 0,
            digest: "00ff".to_owned(),
            last_snapshot: Some(LastSnapshot {
                next_offset: 5,
                created_at: Instant(0),
            }),
            projected_offset: 7,
        }]
    }

    fn projected(&self, _partition: PartitionId) -> Offset {
        self.projected.load(Ordering::SeqCst)
    }

    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        _deadline: Duration,
    ) -> bool {
        self.waits.fetch_add(1, Ordering::SeqCst);
        !self.standing.lock().contains(&partition) && self.projected(partition) > offset
    }

    fn ready(&self) -> Readiness {
        assert!(!self.panics.load(Ordering::SeqCst), "the secret is 42");
        let ready = self.ready.load(Ordering::SeqCst);
        Readiness {
            ready,
            problems: if ready {
                Vec::new()
            } else {
                vec!["not yet".to_owned()]
            },
        }
    }

    async fn create_snapshots(&self, which: Which) -> Result<Vec<SnapshotDone>, OperationError> {
        match which {
            Which::One(PartitionId(partition)) if partition > 0 => {
                Err(OperationError::UnknownPartition(PartitionId(partition)))
            }
            _ => self.snapshots().await,
        }
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError> {
        Ok(vec![SnapshotDone {
            partition: PartitionId(0),
            next_offset: 7,
            size_bytes: 100,
            created_at: Instant(0),
        }])
    }

    async fn reconcile(&self) -> Result<serde_json::Value, OperationError> {
        Ok(serde_json::json!({ "differences": [] }))
    }

    async fn apply_reconciliation(
        &self,
        report: serde_json::Value,
        _by: Actor,
    ) -> Result<serde_json::Value, OperationError> {
        if report["differences"].is_array() {
            Ok(serde_json::json!({ "repaired": 0 }))
        } else {
            let expected = "a report";
            Err(OperationError::Refused(ApiError::invalid(
                "differences",
                serde_json::Value::Null,
                expected,
            )))
        }
    }

    fn standings(&self) -> &dyn Standings {
        self
    }

    fn refresh_metrics(&self) {}

    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError> {
        Ok(vec![ClockStatus {
            node: NodeName("a".to_owned()),
            clock: "machine".to_owned(),
            partition: None,
            held_to: Instant(0),
            ahead_ms: -1,
            is_right: true,
            problem: None,
        }])
    }

    async fn reset_clock(
        &self,
        which: Which,
        force: bool,
        by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError> {
        *self.clock_reset_by.lock() = Some(by);
        match which {
            Which::One(PartitionId(partition)) if partition > 0 => {
                Err(OperationError::UnknownPartition(PartitionId(partition)))
            }
            _ if !force => Err(OperationError::Refused(ApiError::invalid(
                "force", false, "true",
            ))),
            _ => Ok(vec![ClockMoved {
                partition: PartitionId(0),
                from: Instant(2_000),
                to: Instant(1_000),
            }]),
        }
    }

    async fn failover(&self, _which: Which, _to: NodeName) -> Result<(), OperationError> {
        Err(OperationError::NotSupported("only one node".to_owned()))
    }
}

#[async_trait]
impl Standings for FakeOperations {
    async fn of(
        &self,
        partition: PartitionId,
        offset: Offset,
        expected: Option<Expected>,
        is_its_turn: bool,
    ) -> Result<Option<Standing>, OperationError> {
        self.explaining.fetch_add(1, Ordering::SeqCst);
        self.explain_gate.acquire().await.unwrap().forget();
        self.expected.lock().push(expected);
        let left = self.long.load(Ordering::SeqCst);
        if left > 0 {
            if is_its_turn {
                self.long.store(left - 1, Ordering::SeqCst);
            }
            return Err(OperationError::Later {
                why: "the log is long".to_owned(),
                wait: Duration::from_millis(1),
            });
        }
        if let Some(error) = self.explain_error.lock().clone() {
            return Err(error);
        }
        Ok(self.explained.lock().get(&(partition, offset)).cloned())
    }

    async fn find(
        &self,
        _request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, OperationError> {
        self.finding.fetch_add(1, Ordering::SeqCst);
        self.find_gate.acquire().await.unwrap().forget();
        Ok(None)
    }
}
