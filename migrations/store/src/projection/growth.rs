//! Places that a show gets and loses after it was opened.
//!
//! Each zone says which record changed its places last, so that neither a record that comes again nor
//! an older document of the log changes them a second time.

use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{EventId, Offset, ShowId};

use super::changes;
use super::plan::{Grown, ShowStep};
use crate::catalog::{Addition, ChartRow, ShowRow, ZoneAdmission, ZoneRow};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::store::shows::{SHOW_ALONE, show_row};
use crate::store::zones::{add_zone, replace_layout, zone_of};

/// Puts what a show got into the catalog, with the names that were written down for it. Where there
/// are none, as in a database that comes from a backup, rows and zones are left to the document that
/// the log has of the show.
pub(super) async fn add(
    transaction: &mut Transaction,
    step: &ShowStep,
    grown: &Grown,
) -> Result<(), StoreError> {
    if let Some(show) = show_of(transaction, step.show).await? {
        let written: Option<Addition> = match grown.request {
            Some(id) => {
                changes::OF_SHOWS
                    .proposed(transaction, id, step.show.0)
                    .await?
            }
            None => None,
        };
        match zone_of(transaction, step.show, grown.zone).await? {
            Some(before) => {
                if let Some(after) = grow(&before, grown, written.as_ref(), step.offset) {
                    replace_layout(transaction, show, &before, &after).await?;
                }
            }
            None => {
                let new = written
                    .and_then(|written| written.zone(grown.zone, grown.first_seat, step.offset));
                match new.filter(|zone| zone.places() == grown.places) {
                    Some(zone) => add_zone(transaction, show, &zone).await?,
                    None => nameless(step, grown),
                }
            }
        }
    }
    if let Some(id) = grown.request {
        changes::OF_SHOWS.settle(transaction, id).await?;
    }
    Ok(())
}

/// The zone with what it got; `None` where it has it already, or its names are lost.
fn grow(
    before: &ZoneRow,
    grown: &Grown,
    written: Option<&Addition>,
    offset: Offset,
) -> Option<ZoneRow> {
    if before.growth.changed_at >= Some(offset) {
        return None;
    }
    let mut after = before.clone();
    if let ZoneAdmission::General { capacity } = &mut after.admission {
        *capacity = capacity.saturating_add(grown.places);
        after.growth.changed_at = Some(offset);
        return Some(after);
    }
    let of_rows = match written {
        Some(Addition::Rows { rows }) if seats_of(rows) == grown.places => Some(rows),
        _ => None,
    };
    let Some(rows) = of_rows else {
        tracing::error!(
            zone = grown.zone,
            offset,
            "rows were added whose names are not in the database; the show's document brings them"
        );
        return None;
    };
    after.add_rows(rows, grown.first_seat, offset);
    Some(after)
}

/// Seats of rows: were they others than the log decided, all seats behind them would have wrong names.
fn seats_of(rows: &[ChartRow]) -> u32 {
    let seats = rows.iter().map(|row| u32::from(row.seats.count()));
    seats.fold(0, u32::saturating_add)
}

fn nameless(step: &ShowStep, grown: &Grown) {
    tracing::error!(
        show = %step.show, zone = grown.zone, offset = step.offset,
        "a zone was added whose name is not in the database; the show's document brings it"
    );
}

/// Notes what of a zone is gone for good.
pub(super) async fn take(
    transaction: &mut Transaction,
    change: &BlockChange,
    offset: Offset,
) -> Result<(), StoreError> {
    let Some(show) = show_of(transaction, change.show).await? else {
        return Ok(());
    };
    let before = zone_of(transaction, change.show, change.zone).await?;
    let Some(before) = before.filter(|zone| zone.growth.changed_at < Some(offset)) else {
        return Ok(());
    };
    let mut after = before.clone();
    match &mut after.admission {
        ZoneAdmission::General { capacity } => *capacity = capacity.saturating_sub(change.quantity),
        ZoneAdmission::Seated { .. } => after.growth.take(change.seats.iter().copied()),
    }
    after.growth.changed_at = Some(offset);
    replace_layout(transaction, show, &before, &after).await
}

/// Brings the places of a show that a document knows of and the catalog does not.
pub(super) async fn bring(
    transaction: &mut Transaction,
    described: &ShowRow,
) -> Result<(), StoreError> {
    let show = (described.show_id, described.event_id);
    for zone in &described.zones {
        if zone.growth.changed_at.is_none() {
            continue;
        }
        match zone_of(transaction, described.show_id, zone.index).await? {
            Some(before) if before.growth.changed_at < zone.growth.changed_at => {
                replace_layout(transaction, show, &before, zone).await?;
            }
            Some(_) => {}
            None => add_zone(transaction, show, zone).await?,
        }
    }
    Ok(())
}

/// A show of the catalog with its event.
async fn show_of(
    transaction: &mut Transaction,
    show: ShowId,
) -> Result<Option<(ShowId, EventId)>, StoreError> {
    let row = transaction
        .fetch_optional(SHOW_ALONE, &[show.0.into()])
        .await?;
    row.map(|row| Ok((show, show_row(&row)?.event_id)))
        .transpose()
}
