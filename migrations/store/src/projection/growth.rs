//! Places that a show gets and loses after it was opened.
//!
//! Rows are known by their first seats, which the log gives once, and a seat that is gone stays gone: so whatever
//! comes again, or later than what was decided after it, adds what is missing and takes nothing back. Of
//! general admission, where there are numbers only, each zone says which record changed it last. What came without
//! its names is noted as lacking: the log gets no document of such a show, which would take the place of the
//! one that has them.
//!
//! Neither what is lacking nor what a document brings is another version of the show. A database that is built
//! again from the log would count more versions than the one that was lost, and take the documents that come
//! next for older than its rows.

use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{EventId, Offset, ShowId, ZoneIndex};

use super::changes;
use super::plan::{Grown, ShowStep};
use crate::catalog::{Addition, ChartRow, Lack, ShowRow, ZoneAdmission, ZoneRow};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::store::shows::{SHOW_ALONE, show_row};
use crate::store::zones::{add_zone, lock_version, replace_layout, set_version, zone_of};

/// The zone that every show has.
const FIRST_ZONE: ZoneIndex = 0;

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
                let after = grow(&before, grown, written.as_ref(), step.offset);
                replace(transaction, show, &before, &after).await?;
            }
            None => {
                let new = written
                    .and_then(|written| written.zone(grown.zone, grown.first_seat, step.offset));
                match new.filter(|zone| zone.places() == grown.places) {
                    Some(zone) => add_zone(transaction, show, &zone).await?,
                    None => note_missing(transaction, show, grown.zone, step.offset).await?,
                }
            }
        }
    }
    if let Some(id) = grown.request {
        changes::OF_SHOWS.settle(transaction, id).await?;
    }
    Ok(())
}

/// Gives rows that the show lacks the names that were written down when they were asked for again: the database was
/// lost before the log had them, and the log says that it is the same request. Whatever else was asked for again is
/// there.
pub(super) async fn add_lacking(
    transaction: &mut Transaction,
    step: &ShowStep,
    grown: &Grown,
) -> Result<(), StoreError> {
    let Some(request) = grown.request else {
        return Ok(());
    };
    if let Some(show) = show_of(transaction, step.show).await?
        && let Some(before) = zone_of(transaction, step.show, grown.zone).await?
        && before.growth.lacks_run(grown.zone, grown.first_seat)
    {
        let written: Option<Addition> = changes::OF_SHOWS
            .proposed(transaction, request, step.show.0)
            .await?;
        if written.is_some() {
            let after = grow(&before, grown, written.as_ref(), step.offset);
            replace(transaction, show, &before, &after).await?;
        }
    }
    changes::OF_SHOWS.settle(transaction, request).await
}

/// The zone with what it got. Where the names of that are lost it says that it lacks them.
fn grow(before: &ZoneRow, grown: &Grown, written: Option<&Addition>, offset: Offset) -> ZoneRow {
    let mut after = before.clone();
    if let ZoneAdmission::General { capacity } = &mut after.admission {
        if before.growth.changed_at < Some(offset) {
            *capacity = capacity.saturating_add(grown.places);
            after.growth.changed_at = Some(offset);
        }
        return after;
    }
    if before.growth.has_run(grown.first_seat) {
        return after;
    }
    match written {
        Some(Addition::Rows { rows }) if seats_of(rows) == grown.places => {
            after.add_rows(rows, grown.first_seat, offset);
        }
        _ => {
            tracing::error!(
                zone = grown.zone,
                offset,
                "rows were added whose names are not in the database; the show's document brings them"
            );
            after.growth.note_lack(Lack {
                zone: grown.zone,
                first: Some(grown.first_seat),
                at: offset,
            });
        }
    }
    after
}

/// Seats of rows: were they others than the log decided, all seats behind them would have wrong names.
fn seats_of(rows: &[ChartRow]) -> u32 {
    let seats = rows.iter().map(|row| u32::from(row.seats.count()));
    seats.fold(0, u32::saturating_add)
}

/// Writes what became of a zone, where it is another one by that. Only what it lacks is no other version of
/// its show.
async fn replace(
    transaction: &mut Transaction,
    show: (ShowId, EventId),
    before: &ZoneRow,
    after: &ZoneRow,
) -> Result<bool, StoreError> {
    if after == before {
        return Ok(false);
    }
    if !differ_in_lacks_alone(before, after) {
        replace_layout(transaction, show, before, after).await?;
        return Ok(true);
    }
    let version = lock_version(transaction, show.0).await?;
    replace_layout(transaction, show, before, after).await?;
    if let Some(version) = version {
        set_version(transaction, show.0, version).await?;
    }
    Ok(true)
}

fn differ_in_lacks_alone(before: &ZoneRow, after: &ZoneRow) -> bool {
    let mut whole = after.clone();
    whole.growth.lacks.clone_from(&before.growth.lacks);
    whole == *before
}

/// Notes that a zone is missing about which there is a record.
async fn note_missing(
    transaction: &mut Transaction,
    show: (ShowId, EventId),
    zone: ZoneIndex,
    offset: Offset,
) -> Result<(), StoreError> {
    tracing::error!(
        show = %show.0, zone, offset,
        "a zone was added whose name is not in the database; the show's document brings it"
    );
    let Some(before) = zone_of(transaction, show.0, FIRST_ZONE).await? else {
        return Ok(());
    };
    let mut after = before.clone();
    after.growth.note_lack(Lack {
        zone,
        first: None,
        at: offset,
    });
    replace(transaction, show, &before, &after).await.map(drop)
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
    let Some(before) = zone_of(transaction, change.show, change.zone).await? else {
        return note_missing(transaction, show, change.zone, offset).await;
    };
    let mut after = before.clone();
    let is_new = before.growth.changed_at < Some(offset);
    match &mut after.admission {
        ZoneAdmission::General { capacity } if is_new => {
            *capacity = capacity.saturating_sub(change.quantity);
        }
        ZoneAdmission::General { .. } => {}
        // Once more it changes nothing.
        ZoneAdmission::Seated { .. } => after.growth.take(change.seats.iter().copied()),
    }
    if is_new {
        after.growth.changed_at = Some(offset);
    }
    replace(transaction, show, &before, &after).await.map(drop)
}

/// Brings the places of a show that a document knows of and the catalog does not; true when there were any. The
/// version of the show stays.
pub(super) async fn bring(
    transaction: &mut Transaction,
    described: &ShowRow,
) -> Result<bool, StoreError> {
    if described.grown_at().is_none() && !described.is_lacking() {
        return Ok(false);
    }
    let Some(version) = lock_version(transaction, described.show_id).await? else {
        return Ok(false);
    };
    let brought = bring_zones(transaction, described).await?;
    if brought {
        // The triggers have counted the writes as changes.
        set_version(transaction, described.show_id, version).await?;
    }
    Ok(brought)
}

async fn bring_zones(
    transaction: &mut Transaction,
    described: &ShowRow,
) -> Result<bool, StoreError> {
    let show = (described.show_id, described.event_id);
    let mut brought = false;
    for zone in &described.zones {
        if zone.growth.changed_at.is_none() && zone.growth.lacks.is_empty() {
            continue;
        }
        match zone_of(transaction, described.show_id, zone.index).await? {
            Some(before) => {
                let after = before.joined(zone);
                brought |= replace(transaction, show, &before, &after).await?;
            }
            None => {
                add_zone(transaction, show, zone).await?;
                brought = true;
            }
        }
    }
    if let Some(before) = zone_of(transaction, described.show_id, FIRST_ZONE).await? {
        let mut after = before.clone();
        let lacks = &mut after.growth.lacks;
        lacks.retain(|lack| lack.zone == FIRST_ZONE || !lack.is_brought_by(&described.zones));
        brought |= replace(transaction, show, &before, &after).await?;
    }
    Ok(brought)
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
