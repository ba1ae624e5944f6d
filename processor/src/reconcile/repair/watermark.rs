//! How far the projection is.

use std::collections::BTreeSet;

use onsale_engine::{MACHINE_VERSION_SECOND, Partition};
use onsale_schemas::{LogTimeMs, PartitionId};
use onsale_store::audit::{Audit, Unaudited};
use onsale_store::booking::Watermark;
use onsale_store::{Store, StoreError};
use serde_json::json;

use super::target::Target;
use crate::reconcile::report::{Difference, Finding};

/// A projection that is not where its machine is.
pub(super) struct Astray<'a> {
    pub(super) machine: &'a Partition,
    /// Where the database says that it is.
    pub(super) stood: Watermark,
    /// Whether the database says that it is where it cannot be, so that nobody knows where it was.
    pub(super) is_ahead: bool,
}

impl Astray<'_> {
    /// Since when nothing may have been projected.
    pub(super) fn since(&self) -> Watermark {
        if self.is_ahead {
            never(self.machine.id())
        } else {
            self.stood
        }
    }
}

/// Of a partition of which nothing was ever projected.
fn never(partition: PartitionId) -> Watermark {
    Watermark {
        partition,
        next_offset: 0,
        last_outcome: None,
        log_time_ms: LogTimeMs::default(),
    }
}

/// The database is where the machine is. Nothing is set while somebody projects.
pub(super) async fn set_watermark(
    astray: &Astray<'_>,
    target: Target<'_>,
) -> Result<(), StoreError> {
    let machine = astray.machine;
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
        .move_watermark(astray.stood.next_offset, &watermark, is_version_2, audit)
        .await
}

/// The partitions of which a report says that the database is beyond the log.
pub(super) fn ahead(differences: &[Difference]) -> BTreeSet<PartitionId> {
    let is_ahead =
        |difference: &&Difference| matches!(difference.finding, Finding::WatermarkAhead { .. });
    let ahead = differences.iter().filter(is_ahead);
    ahead.map(|difference| difference.partition).collect()
}

/// The machines that the projection has not reached, and those that it is said to be beyond, where that was
/// reported, or to have reached by another outcome than theirs, where it has stopped: everything may be
/// missing there.
pub(super) async fn astray<'a>(
    machines: &'a [Partition],
    ahead: &BTreeSet<PartitionId>,
    has_stopped: bool,
    store: &Store,
) -> Result<Vec<Astray<'a>>, StoreError> {
    let watermarks = store.watermarks().await?;
    Ok(machines
        .iter()
        .filter_map(|machine| {
            let partition = machine.id();
            let stood = watermarks.iter().find(|mark| mark.partition == partition);
            let stood = stood.copied().unwrap_or_else(|| never(partition));
            let (at, end) = (stood.next_offset, machine.next_offset());
            let is_elsewhere =
                has_stopped && at == end && stood.last_outcome != machine.last_outcome();
            let is_ahead = is_elsewhere || (at > end && ahead.contains(&partition));
            let is_behind = at < end;
            (is_ahead || is_behind).then_some(Astray {
                machine,
                stood,
                is_ahead,
            })
        })
        .collect())
}
