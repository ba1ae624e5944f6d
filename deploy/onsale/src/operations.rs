//! What the ingress asks of the process it runs in.

mod distributed;
mod embedded;
mod standings;

use onsale_ingress::{ClockStatus, Instant, OperationError, SnapshotDone, Which};
use onsale_processor::snapshots::Written;
use onsale_schemas::PartitionId;

pub(crate) use distributed::DistributedOperations;
pub(crate) use embedded::EmbeddedOperations;

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

/// Refuses to set machine time where nothing is wrong with it, unless it is asked for by force.
fn refuse_a_right_clock(clocks: &[ClockStatus], force: bool) -> Result<(), OperationError> {
    if force || clocks.iter().any(|clock| !clock.is_right) {
        return Ok(());
    }
    Err(OperationError::Refused(
        "Machine time and the clocks agree, so there is nothing to set; --force does it anyway."
            .to_owned(),
    ))
}
