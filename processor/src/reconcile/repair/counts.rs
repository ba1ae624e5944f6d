//! Counts of what organizers use, and those in Redis.

use onsale_counts::Counts;
use onsale_engine::Partition;
use onsale_store::audit::{Audit, Unaudited};

use super::Progress;
use super::error::ApplyError;
use super::target::Target;
use crate::reconcile::compare::OF_NO_PARTITION;
use crate::reconcile::counts::EngineCounts;
use crate::reconcile::report::{Difference, Finding};

/// Adds up what organizers have.
pub(super) async fn repair_usage(
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    if target.store.usage_differs().await? {
        let audit = match target.by {
            Some(actor) => actor
                .did("reconcile.usage", "partition", OF_NO_PARTITION)
                .into(),
            None => Audit::Skipped(Unaudited::Automatic),
        };
        target.store.repair_usage(audit).await?;
        progress.repaired(1);
    }
    Ok(())
}

/// What is found of a partition in Redis. A Redis that fails is no reason to leave the rest: its
/// counts cost nothing but an early refusal.
pub(super) async fn repair_counts(
    differences: &[Difference],
    machine: &Partition,
    counts: Option<&Counts>,
    progress: &mut Progress,
) {
    let mut engine = None;
    for difference in differences {
        if difference.partition != machine.id() {
            continue;
        }
        let repaired = match (&difference.finding, counts) {
            (Finding::RedisPlacesDiffer { .. } | Finding::RedisTicketsDiffer { .. }, None) => {
                progress.report("counts in Redis: no redis.url is configured here".to_owned());
                continue;
            }
            (Finding::RedisPlacesDiffer { show_id, zone, .. }, Some(counts)) => {
                let engine = engine.get_or_insert_with(|| EngineCounts::of(machine));
                engine.repair_places(*show_id, *zone, counts).await
            }
            (
                Finding::RedisTicketsDiffer {
                    event_id, user_id, ..
                },
                Some(counts),
            ) => {
                let engine = engine.get_or_insert_with(|| EngineCounts::of(machine));
                engine.repair_tickets(*event_id, *user_id, counts).await
            }
            _ => continue,
        };
        match repaired {
            Ok(true) => progress.repaired(1),
            Ok(false) => progress.gone(),
            Err(error) => progress.report(format!("counts in Redis: {error}")),
        }
    }
}
