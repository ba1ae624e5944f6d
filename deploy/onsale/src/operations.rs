//! What the ingress asks of the process it runs in.

mod distributed;
mod embedded;
mod standings;

use onsale_ingress::{ApiError, ClockStatus, Instant, OperationError, SnapshotDone, Which};
use onsale_processor::snapshots::Written;
use onsale_schemas::PartitionId;
use serde::Serialize;
use serde_json::Value;

pub(crate) use distributed::DistributedOperations;
pub(crate) use embedded::EmbeddedOperations;

/// What is expected where a report may not be applied.
const NEW_REPORT: &str = "a report that `POST /api/v1/admin/reconcile` has just given";

/// The partition that is meant, unless all are.
fn one(which: Which) -> Option<PartitionId> {
    match which {
        Which::All => None,
        Which::One(one) => Some(one),
    }
}

fn done(written: Written) -> SnapshotDone {
    SnapshotDone {
        partition: written.partition,
        next_offset: written.next_offset,
        size_bytes: written.size_bytes,
        created_at: Instant(written.created_at_ms),
    }
}

fn failed(error: impl std::fmt::Display) -> OperationError {
    OperationError::Failed(error.to_string())
}

fn to_json(report: &impl Serialize) -> Result<Value, OperationError> {
    serde_json::to_value(report).map_err(failed)
}

/// Refuses to set machine time where nothing is wrong with it, unless it is asked for by force.
fn refuse_a_right_clock(clocks: &[ClockStatus], force: bool) -> Result<(), OperationError> {
    if force || clocks.iter().any(|clock| !clock.is_right) {
        return Ok(());
    }
    Err(OperationError::Refused(ApiError::wrong(
        "force",
        false,
        "machine time and the clocks agree, so there is nothing to set; `force` (`onsale clock reset \
         --force`) sets it anyway",
        "true",
    )))
}
