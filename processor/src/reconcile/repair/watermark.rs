//! How far the projection is.

use onsale_engine::{MACHINE_VERSION_SECOND, Partition};
use onsale_schemas::LogTimeMs;
use onsale_store::audit::{Audit, Unaudited};
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::{Store, StoreError};
use serde_json::json;

use super::target::Target;

/// The database is where the machine is.
pub(super) async fn set_watermark(
    machine: &Partition,
    target: Target<'_>,
) -> Result<(), StoreError> {
    let watermark = Watermark {
        partition: machine.id(),
        next_offset: machine.next_offset(),
        last_outcome: machine.last_outcome(),
        log_time_ms: machine.log_time_ms(),
    };
    let is_version_2 = machine.machine_version() >= MACHINE_VERSION_SECOND;
    let audit = match target.by {
        Some(actor) => actor
            .did("reconcile.watermark", "partition", machine.id())
            .with(json!({ "next_offset": watermark.next_offset }))
            .into(),
        None => Audit::Skipped(Unaudited::Automatic),
    };
    target
        .store
        .set_watermark(&watermark, is_version_2, audit)
        .await
}

/// The machines that the projection has not reached, each with where it stands.
pub(super) async fn behind<'a>(
    machines: &'a [Partition],
    store: &Store,
) -> Result<Vec<(&'a Partition, Watermark)>, StoreError> {
    let watermarks = store.watermarks().await?;
    Ok(machines
        .iter()
        .filter(|machine| projected_offset(&watermarks, machine.id()) < machine.next_offset())
        .map(|machine| {
            let mark = watermarks
                .iter()
                .find(|mark| mark.partition == machine.id());
            let never = Watermark {
                partition: machine.id(),
                next_offset: 0,
                last_outcome: None,
                log_time_ms: LogTimeMs::default(),
            };
            (machine, mark.copied().unwrap_or(never))
        })
        .collect())
}
