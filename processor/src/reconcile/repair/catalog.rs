//! Events, shows, zones and blocked places.

use onsale_engine::Partition;
use onsale_schemas::command::{Admission, Subject};
use onsale_schemas::{EventId, SeatIndex, ShowId};
use onsale_store::StoreError;
use onsale_store::catalog::{EventStatus, SeatIndexes, ShowRow, ShowStatus, ZoneAdmission};
use onsale_store::document::Document;
use serde_json::json;

use super::Progress;
use super::error::ApplyError;
use super::offers::repair_offer;
use super::target::{Target, readable_show};
use crate::reconcile::Engine;
use crate::reconcile::compare::{
    blocked_places, blocks_differ, described_show, differing_event_columns, differing_show_columns,
    differing_status, differing_zones, offer_differs, shape,
};
use crate::reconcile::log_rows;

fn status(cancelled: bool) -> ShowStatus {
    if cancelled {
        ShowStatus::Cancelled
    } else {
        ShowStatus::Open
    }
}

/// Repairs the status of a show if it still differs.
pub(super) async fn repair_differing_status(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    if let (Some(show), Some(row)) = (machine.show(id), readable_show(target.store, id).await?)
        && differing_status(&show, &row, machine.log_time_ms()).is_some()
    {
        repair_status(id, show.cancelled, target).await?;
        progress.repaired(1);
    } else {
        progress.gone();
    }
    Ok(())
}

/// Repairs the blocked places of a show if they still differ.
pub(super) async fn repair_differing_blocks(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let is_known = machine.show(id).is_some();
    if is_known && blocks_differ(machine, id, target.store).await? {
        repair_blocks(id, machine, target).await?;
        progress.repaired(1);
    } else {
        progress.gone();
    }
    Ok(())
}

async fn repair_status(
    show: ShowId,
    cancelled: bool,
    target: Target<'_>,
) -> Result<(), ApplyError> {
    let status = status(cancelled);
    let detail = json!({ "status": status.as_str() });
    let tenant = target.tenant_of_show(show).await?;
    let audit = target.audit("reconcile.show_status", ("show", show.0), tenant, detail);
    target.store.set_show_status(show, status, audit).await?;
    Ok(())
}

async fn repair_blocks(
    show: ShowId,
    machine: &Partition,
    target: Target<'_>,
) -> Result<(), ApplyError> {
    let (seats, quantities) = blocked_places(machine, show);
    let tenant = target.tenant_of_show(show).await?;
    let audit = target.audit(
        "reconcile.blocks",
        ("show", show.0),
        tenant,
        json!({ "seats": seats.len(), "zones": quantities.len() }),
    );
    target
        .store
        .repair_blocks(show, &seats, &quantities, audit)
        .await?;
    Ok(())
}

/// Brings an event or show from its document, and what the engine itself knows of the show as it is
/// now: the document is as old as the last change that was asked for.
pub(super) async fn repair_catalog(
    subject: &Subject,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let document = match machine.document(subject).map(Document::decode) {
        Some(Ok(document)) => document,
        Some(Err(error)) => {
            progress.leave(format!("{subject:?}: its document: {error}"));
            return Ok(());
        }
        None => {
            progress.gone();
            return Ok(());
        }
    };
    let (kind, id) = match subject {
        Subject::Event(event) => ("event", event.0),
        Subject::Show { show, .. } => ("show", show.0),
    };
    let tenant = Some(document.event.row.tenant_id);
    let nothing = serde_json::Value::Null;
    let audit = target.audit("reconcile.catalog", (kind, id), tenant, nothing);
    if target.store.restore_document(&document, audit).await? {
        progress.repaired(1);
    } else {
        progress.gone();
    }
    if let Subject::Show { show: id, .. } = *subject
        && let (Some(show), Some(row)) = (machine.show(id), readable_show(target.store, id).await?)
    {
        if differing_status(&show, &row, machine.log_time_ms()).is_some() {
            repair_status(id, show.cancelled, target).await?;
        }
        if !differing_zones(&show, &machine.taken_seats(id), &row, None).is_empty() {
            repair_zones(id, machine, engine, target, progress).await?;
        }
        if !differing_show_columns(&show, &row, machine.id()).is_empty() {
            repair_show(id, machine, target, progress).await?;
        }
        if offer_differs(machine, id, &row) {
            repair_offer(id, machine, target, progress).await?;
        }
        repair_blocks(id, machine, target).await?;
    }
    Ok(())
}

/// Name and beginning are not the engine's to know and stay as they are.
pub(super) async fn repair_show(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let (Some(show), Some(mut row)) = (machine.show(id), readable_show(target.store, id).await?)
    else {
        progress.gone();
        return Ok(());
    };
    if differing_show_columns(&show, &row, machine.id()).is_empty() {
        progress.gone();
        return Ok(());
    }
    row.event_id = show.event;
    row.partition = machine.id();
    row.sale_opens_at_ms = show.sale_opens_at_ms;
    row.sale_closes_at_ms = show.sale_closes_at_ms;
    row.hold_ms = show.hold_ms;
    row.cooldown_ms = show.cooldown_ms;
    for (zone, engine) in row.zones.iter_mut().zip(&show.zones) {
        zone.unit_price = engine.unit_price;
        zone.currency = engine.currency.as_str().to_owned();
    }
    let tenant = target.tenant_of_event(row.event_id).await?;
    let nothing = serde_json::Value::Null;
    let audit = target.audit("reconcile.show", ("show", id.0), tenant, nothing);
    target.store.update_show(&row, audit).await?;
    progress.repaired(1);
    Ok(())
}

/// Brings the zones of a show from its document, with the prices that the engine has. Where the document
/// was written when zones were missing already, an earlier one of the log has them.
pub(super) async fn repair_zones(
    id: ShowId,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let Some(show) = machine.show(id) else {
        progress.gone();
        return Ok(());
    };
    let subject = Subject::Show {
        show: id,
        event: show.event,
    };
    let described = described_show(machine, &subject);
    let gone = machine.taken_seats(id);
    let stands = match target.store.show(id).await {
        Ok(Some(row)) => differing_zones(&show, &gone, &row, described.as_ref()).is_empty(),
        // The row is another finding.
        Ok(None) => true,
        Err(StoreError::Corrupt(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if stands {
        progress.gone();
        return Ok(());
    }
    let shapes: Vec<Admission> = show
        .zones
        .iter()
        .map(|zone| zone.admission.clone())
        .collect();
    // The engine knows what was added to general admission and what is gone, but no names.
    let fits = move |row: &ShowRow| {
        let found = row.zones.iter().map(|zone| shape(&zone.admission));
        row.zones.len() == shapes.len()
            && found
                .zip(&shapes)
                .all(|(found, shape)| match (found, shape) {
                    (Admission::General { .. }, Admission::General { .. }) => true,
                    (found, shape) => found == *shape,
                })
    };
    let described = match (described.filter(&fits), engine.log) {
        (None, Some(log)) => log_rows::described_before(log, machine.id(), subject, fits).await?,
        (described, _) => described,
    };
    let Some(mut row) = described else {
        progress.leave(format!(
            "show {id}: the log has no document with the names and labels of its zones as they are \
             sold; restore the table zones from a backup of the database"
        ));
        return Ok(());
    };
    let indexes = SeatIndexes::of(&row.zones);
    for (place, (zone, engine)) in row.zones.iter_mut().zip(&show.zones).enumerate() {
        zone.unit_price = engine.unit_price;
        zone.currency = engine.currency.as_str().to_owned();
        // All of it is there, as the engine has it.
        zone.growth.lacks.clear();
        let of_zone = |seat: &&SeatIndex| indexes.zone(**seat) == Some(place);
        let lost: Vec<SeatIndex> = gone.iter().filter(of_zone).copied().collect();
        let has_changed = zone.growth.gone != lost || shape(&zone.admission) != engine.admission;
        if has_changed {
            zone.growth.gone = lost;
            if let (ZoneAdmission::General { capacity }, Admission::General { capacity: has }) =
                (&mut zone.admission, &engine.admission)
            {
                *capacity = *has;
            }
            // As of here: what comes again of the log before it changes nothing.
            zone.growth.changed_at = machine.next_offset().checked_sub(1);
        }
    }
    let tenant = target.tenant_of_event(show.event).await?;
    let detail = json!({ "zones": row.zones.len() });
    let audit = target.audit("reconcile.zones", ("show", id.0), tenant, detail);
    target.store.repair_zones(&row, audit).await?;
    progress.repaired(1);
    Ok(())
}

/// Sets what the log decides about an event; what people read of it stays.
pub(super) async fn repair_event(
    id: EventId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let sells = machine
        .shows()
        .any(|show| show.event == id && !show.cancelled);
    let (Some(view), Some(row)) = (machine.event(id), target.store.event(id).await?) else {
        progress.gone();
        return Ok(());
    };
    let columns = differing_event_columns(&view, sells, &row);
    if columns.is_empty() {
        progress.gone();
        return Ok(());
    }
    let is_cancelled = view.cancelled || (!sells && row.status == EventStatus::Cancelled);
    let detail = json!({ "columns": columns });
    let audit = target.audit(
        "reconcile.event",
        ("event", id.0),
        Some(row.tenant_id),
        detail,
    );
    let limit = view.max_tickets_per_user;
    target
        .store
        .repair_event(id, limit, is_cancelled, audit)
        .await?;
    progress.repaired(1);
    Ok(())
}
