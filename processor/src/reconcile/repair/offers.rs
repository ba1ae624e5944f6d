//! What shows have for sale, and what quotes count of their orders.

use onsale_engine::Partition;
use onsale_schemas::ShowId;
use serde_json::{Value, json};

use super::Progress;
use super::error::ApplyError;
use super::target::{Target, readable_show};
use crate::reconcile::compare::{offer_differs, order_counts_differ};

/// Puts the offer of the engine in force in the catalog if it still differs. Of what has no name there the log
/// knows none.
pub(super) async fn repair_offer(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let (Some(show), Some(row)) = (machine.show(id), readable_show(target.store, id).await?) else {
        progress.gone();
        return Ok(());
    };
    if show.cancelled || !offer_differs(machine, id, &row) {
        progress.gone();
        return Ok(());
    }
    let offer = machine.offer(id).cloned().unwrap_or_default();
    let tenant = target.tenant_of_event(row.event_id).await?;
    let detail = json!({
        "types": offer.types.len(), "phases": offer.phases.len(), "bundles": offer.bundles.len(),
    });
    let audit = target.audit("reconcile.offer", ("show", id.0), tenant, detail);
    // As of here: what comes again of the log before it changes nothing.
    let amended = machine.next_offset().saturating_sub(1);
    let store = target.store;
    if store.repair_offer(id, &offer, amended, audit).await? {
        progress.repaired(1);
    } else {
        progress.gone();
    }
    Ok(())
}

/// Counts the orders of a show anew if they still are counted otherwise than by the engine.
pub(super) async fn repair_order_counts(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let is_sold = machine.show(id).is_some_and(|show| !show.cancelled);
    if !is_sold || !order_counts_differ(machine, id, target.store).await? {
        progress.gone();
        return Ok(());
    }
    let tenant = target.tenant_of_show(id).await?;
    let audit = target.audit(
        "reconcile.order_counts",
        ("show", id.0),
        tenant,
        Value::Null,
    );
    target.store.recount_orders(id, audit).await?;
    progress.repaired(1);
    Ok(())
}
