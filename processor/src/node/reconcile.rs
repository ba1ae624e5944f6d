//! Reconciliation of what a node holds with the database, while both move on.
//!
//! Nothing has to stop for a comparison: the machines are copied, the database is read as of one
//! moment a little later, and the copies are brought to just that moment from the log. A repair
//! holds the projection's watermarks meanwhile, so that projectors wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_counts::Counts;
use onsale_engine::Partition;
use onsale_log::kafka::{KafkaError, KafkaReader};
use onsale_log::{LogError, LogReader};
use onsale_schemas::PartitionId;
use onsale_store::audit::Actor;
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::{Store, StoreError};

use super::runtime::Node;
use crate::clock;
use crate::reconcile::{
    self, Applied, ApplyError, Engine, OpenAgain, Projections, Projector, ReadAgainError, Report,
};
use crate::replay::{Until, replay};

/// How long the projection is waited for.
const PROJECTION_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const PROJECTION_POLL: Duration = Duration::from_millis(50);
/// How often a repair is begun that meets a projector which seemed to be gone.
const REPAIRS_MAX: u32 = 3;

/// Why nothing was compared or repaired.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The node does not answer, or does not follow a partition that was asked for.
    #[error("{0}")]
    Node(String),
    /// The log cannot be read.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read from its beginning.
    #[error(transparent)]
    ReadAgain(ReadAgainError),
    /// The report may not be applied.
    #[error(transparent)]
    Refused(ApplyError),
    /// The projector is at work: a repair would run into it.
    #[error("{0}; wait until the projection stands still with the log, then try again")]
    Moving(String),
}

impl From<ApplyError> for ReconcileError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => Self::Store(error),
            ApplyError::Log(error) => Self::ReadAgain(error),
            ApplyError::Moving(why) => Self::Moving(why),
            refused => Self::Refused(refused),
        }
    }
}

impl Node {
    /// Compares these partitions with the database.
    ///
    /// # Errors
    /// When the node does not follow one of them, or log or database cannot be read.
    pub async fn reconcile(
        &self,
        partitions: &[PartitionId],
        store: &Store,
        counts: Option<&Counts>,
    ) -> Result<Report, ReconcileError> {
        let copies = self.copies(partitions, store).await?;
        let view = store.of_one_moment().await?;
        let watermarks = view.watermarks().await?;
        let machines = self.bring_to(copies.machines, watermarks).await?;
        let behind = copies.behind.as_ref().map(|behind| behind.why.as_str());
        let now_ms = clock::now_ms();
        let projections = Projections {
            store: &view,
            counts,
            projector: Projector::MayCome,
        };
        let mut report =
            reconcile::compare(&machines, behind, projections, self.log_id(), now_ms).await?;
        report.forget_counts_of_other_positions();
        Ok(report)
    }

    /// Whether a report about partitions of this node may be applied; changes nothing.
    ///
    /// # Errors
    /// When it may not, or the node does not answer.
    pub async fn check_reconciliation(&self, report: &Report) -> Result<(), ReconcileError> {
        let machines = self.machines().await.map_err(ReconcileError::Node)?;
        Ok(reconcile::check(
            report,
            &machines,
            self.log_id(),
            clock::now_ms(),
        )?)
    }

    /// Repairs the database from a report about partitions of this node, `by` an operator, as the audit
    /// trail says.
    ///
    /// # Errors
    /// When the report may not be applied, or log or database cannot be used.
    pub async fn apply_reconciliation(
        &self,
        report: &Report,
        store: &Store,
        counts: Option<&Counts>,
        by: Option<&Actor>,
    ) -> Result<Applied, ReconcileError> {
        let partitions: Vec<PartitionId> = report
            .positions
            .iter()
            .map(|position| position.partition)
            .collect();
        for _ in 0..REPAIRS_MAX {
            let applied = self.repair(&partitions, report, store, counts, by).await?;
            if let Some(applied) = applied {
                return Ok(applied);
            }
        }
        Err(ReconcileError::Moving(
            "a projector comes and goes".to_owned(),
        ))
    }

    /// Nothing when a projector that was only late came back in the middle: now that it moves it can be
    /// held, and the repair begins again. What was repaired until then counts as gone.
    async fn repair(
        &self,
        partitions: &[PartitionId],
        report: &Report,
        store: &Store,
        counts: Option<&Counts>,
        by: Option<&Actor>,
    ) -> Result<Option<Applied>, ReconcileError> {
        let copies = self.copies(partitions, store).await?;
        let (log_id, now_ms) = (self.log_id(), clock::now_ms());
        let kafka = self.kafka().clone();
        let open = move || -> Result<Box<dyn LogReader>, LogError> {
            Ok(Box::new(KafkaReader::new(&kafka)?))
        };
        let log: OpenAgain = Arc::new(open);
        let engine = |machines| Engine {
            machines,
            log_id,
            log: Some(&log),
        };
        let projections = |projector| Projections {
            store,
            counts,
            projector,
        };
        if let Some(behind) = copies.behind {
            if behind.moves {
                return Err(ReconcileError::Moving(behind.why));
            }
            // Nobody projects any more, as it seems: the repair also says how far it has brought the
            // database, unless a projector was only late.
            let engine = engine(&copies.machines);
            let projections = projections(Projector::MayCome);
            return match reconcile::apply(report, engine, projections, now_ms, by).await {
                Ok(applied) => Ok(Some(applied)),
                Err(ApplyError::Moving(why)) => {
                    tracing::info!(%why, "the repair begins again");
                    Ok(None)
                }
                Err(failed) => Err(failed.into()),
            };
        }
        let (standstill, watermarks) = store.stand_still(partitions).await?;
        let machines = self.bring_to(copies.machines, watermarks).await?;
        let engine = engine(&machines);
        let projections = projections(Projector::IsHeld);
        let applied = reconcile::apply(report, engine, projections, now_ms, by).await;
        standstill.release().await?;
        Ok(Some(applied?))
    }

    /// Copies of the machines at a place that the projection has reached.
    async fn copies(
        &self,
        partitions: &[PartitionId],
        store: &Store,
    ) -> Result<Copies, ReconcileError> {
        let mut machines = self.machines().await.map_err(ReconcileError::Node)?;
        machines.retain(|machine| partitions.contains(&machine.id()));
        for partition in partitions {
            if !machines.iter().any(|machine| machine.id() == *partition) {
                return Err(ReconcileError::Node(format!(
                    "this node does not follow partition {partition}"
                )));
            }
        }
        self.barrier(partitions.to_vec())
            .map_err(ReconcileError::Node)?;
        let deadline = Instant::now() + PROJECTION_PATIENCE;
        let first = store.watermarks().await?;
        let mut watermarks = first.clone();
        let behind = loop {
            let Some(short) = short_of(&machines, &watermarks) else {
                break None;
            };
            if Instant::now() > deadline {
                let (partition, at) = (short.id(), short.next_offset());
                let projected = projected_offset(&watermarks, partition);
                let moves = projected > projected_offset(&first, partition);
                let why = if moves {
                    "the database does not keep up"
                } else {
                    "the projection stands still"
                };
                break Some(Behind {
                    why: format!(
                        "{why}: partition {partition} is projected to {projected}, not to {at}"
                    ),
                    moves,
                });
            }
            tokio::time::sleep(PROJECTION_POLL).await;
            watermarks = store.watermarks().await?;
        };
        Ok(Copies { machines, behind })
    }

    /// Applies the log to machines up to where the projection stood.
    async fn bring_to(
        &self,
        machines: Vec<Partition>,
        watermarks: Vec<Watermark>,
    ) -> Result<Vec<Partition>, ReconcileError> {
        let kafka = self.kafka().clone();
        let brought = tokio::task::spawn_blocking(move || {
            let mut reader = KafkaReader::new(&kafka)?;
            machines
                .into_iter()
                .map(|machine| {
                    let offset = projected_offset(&watermarks, machine.id());
                    if offset <= machine.next_offset() {
                        return Ok(machine);
                    }
                    let until = Until {
                        offset: Some(offset),
                        time_ms: None,
                    };
                    Ok(replay(&mut reader, machine, until, |_, _, _| {})?)
                })
                .collect()
        });
        let stopped = |_| ReconcileError::Node("the replay was broken off".to_owned());
        brought.await.map_err(stopped)?
    }
}

struct Copies {
    machines: Vec<Partition>,
    behind: Option<Behind>,
}

/// The projection has not reached the machines.
struct Behind {
    why: String,
    /// Whether it came forward while it was waited for.
    moves: bool,
}

/// A machine that the projection has not reached.
fn short_of<'a>(machines: &'a [Partition], watermarks: &[Watermark]) -> Option<&'a Partition> {
    machines
        .iter()
        .find(|machine| projected_offset(watermarks, machine.id()) < machine.next_offset())
}
