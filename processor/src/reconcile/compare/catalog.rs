//! Rows of shows and their zones.

use std::collections::BTreeSet;

use onsale_engine::{Partition, ShowView};
use onsale_schemas::command::{Admission, Subject};
use onsale_schemas::{LogTimeMs, PartitionId, SeatIndex, ShowId};
use onsale_store::catalog::{SeatIndexes, ShowRow, ShowStatus, ZoneAdmission};
use onsale_store::document::Document;
use onsale_store::retention::RetiredShows;
use onsale_store::{Store, StoreError};

use super::codes::differing_codes;
use super::offers::{code_uses, counts_differ, offer_differs};
use super::places::{compare_places, differing_places, holders_by_show};
use crate::reconcile::report::{Finding, Report};

/// Events and shows that the log has documents of. What the database has as new is its own: the
/// catalog is mastered there. Gives the shows of which it has the version that is described.
pub(super) async fn compare_catalog(
    machine: &Partition,
    store: &Store,
    report: &mut Report,
) -> Result<BTreeSet<ShowId>, StoreError> {
    let mut as_described = BTreeSet::new();
    for (subject, bytes) in machine.documents() {
        let document = match Document::decode(bytes) {
            Ok(document) => document,
            Err(error) => {
                tracing::error!(?subject, %error, "a catalog document of the log is passed by");
                continue;
            }
        };
        let (event_id, show_id) = match subject {
            Subject::Event(event) => (event, None),
            Subject::Show { show, event } => (event, Some(show)),
        };
        let (of_event, of_show) = store.catalog_versions(event_id, show_id).await?;
        let (engine, database) = match &document.show {
            Some(show) => (show.version, of_show),
            None => (document.event.version, of_event),
        };
        // A show's document brings its event too, of which the log may not have one yet.
        let database = database.filter(|_| of_event.is_some());
        if database.is_none_or(|database| database < engine) {
            report.add(
                machine.id(),
                Finding::CatalogOlder {
                    event_id,
                    show_id,
                    engine,
                    database,
                },
                "the database was lost, or comes from an old backup",
            );
        } else if database == Some(engine) {
            as_described.extend(show_id);
        }
    }
    Ok(as_described)
}

/// Whether the log has a document that this program can read.
fn is_readable(machine: &Partition, subject: &Subject) -> bool {
    machine
        .document(subject)
        .is_some_and(|bytes| Document::decode(bytes).is_ok())
}

pub(super) async fn compare_shows(
    machine: &Partition,
    store: &Store,
    as_described: &BTreeSet<ShowId>,
    retired: &RetiredShows,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    let holders = holders_by_show(machine);
    let uses = code_uses(machine);
    let explained = report.shows_of_bookings();
    for show in machine.shows() {
        report.checked.shows += 1;
        let Some(mut row) = row_of_show(machine, &show, store, report).await? else {
            continue;
        };
        let described = as_described
            .contains(&show.show)
            .then(|| described_show(machine, &subject_of(&show)))
            .flatten();
        let gone = machine.taken_seats(show.show);
        let zones = differing_zones(&show, &gone, &row, described.as_ref());
        let has_zones = zones.is_empty();
        if !has_zones {
            // Their prices and places come back with them.
            row.zones.clear();
            let show_id = show.show;
            report.add(
                partition,
                Finding::ZonesDiffer { show_id, zones },
                "rows were deleted or changed from outside",
            );
        }
        compare_row_of_show(machine, &show, &row, report);
        // Where a booking differs its seats and sums do too, and come back with it; where bookings were
        // deleted because they are too old, they are gone with them.
        let is_explained = explained.contains(&show.show) || retired.has(show.show);
        let held = holders.get(&show.show).map_or(&[][..], Vec::as_slice);
        if !is_explained && store.seat_holders(show.show).await? != held {
            report.add(
                partition,
                Finding::SeatHoldersDiffer { show_id: show.show },
                "rows were changed from outside, or the projection lost an update",
            );
        }
        // Of a cancelled show nothing is quoted any more.
        if !show.cancelled
            && !is_explained
            && counts_differ(machine, show.show, uses.get(&show.show), store).await?
        {
            report.add(
                partition,
                Finding::OrderCountsDiffer { show_id: show.show },
                "rows were changed from outside",
            );
        }
        // Those of a show that is long over are deleted with its bookings.
        if !show.cancelled && !retired.has(show.show) {
            compare_codes(machine, show.show, store, report).await?;
        }
        if !show.cancelled && has_zones {
            compare_places(machine, &show, is_explained, store, report).await?;
        }
    }
    Ok(())
}

async fn compare_codes(
    machine: &Partition,
    show_id: ShowId,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let groups = differing_codes(machine, show_id, store).await?;
    if !groups.is_empty() {
        report.add(
            machine.id(),
            Finding::CodesDiffer { show_id, groups },
            "the database was lost or comes from an old backup, or rows were changed from outside",
        );
    }
    Ok(())
}

fn subject_of(show: &ShowView) -> Subject {
    Subject::Show {
        show: show.show,
        event: show.event,
    }
}

/// The row of a show; one that is not there, or that cannot be read, is reported unless its document is.
async fn row_of_show(
    machine: &Partition,
    show: &ShowView,
    store: &Store,
    report: &mut Report,
) -> Result<Option<ShowRow>, StoreError> {
    let (partition, show_id) = (machine.id(), show.show);
    match store.show(show_id).await {
        Ok(Some(row)) => return Ok(Some(row)),
        Ok(None) if is_readable(machine, &subject_of(show)) => {}
        Ok(None) => report.add(
            partition,
            Finding::ShowMissing { show_id },
            "the catalog lost a row",
        ),
        Err(StoreError::Corrupt(what)) => report.add(
            partition,
            Finding::ZonesDiffer {
                show_id,
                zones: vec![what],
            },
            "rows were changed from outside",
        ),
        Err(error) => return Err(error),
    }
    Ok(None)
}

/// What differs between the row of a show and the engine.
fn compare_row_of_show(machine: &Partition, show: &ShowView, row: &ShowRow, report: &mut Report) {
    let (partition, show_id) = (machine.id(), show.show);
    if let Some((engine, database)) = differing_status(show, row, machine.log_time_ms()) {
        report.add(
            partition,
            Finding::ShowStatusDiffers {
                show_id,
                engine,
                database,
            },
            "the row was changed from outside, or the projection lost an update",
        );
    }
    if !show.cancelled && offer_differs(machine, show_id, row) {
        report.add(
            partition,
            Finding::OfferDiffers { show_id },
            "the row was changed from outside, or comes from an old backup",
        );
    }
    let columns = if show.cancelled {
        differing_places(show, row, partition)
    } else {
        differing_show_columns(show, row, partition)
    };
    if !columns.is_empty() {
        report.add(
            partition,
            Finding::ShowDiffers { show_id, columns },
            "the row was changed from outside, or comes from an old backup",
        );
    }
}

/// The show of its document, where the log has one that can be read.
pub(crate) fn described_show(machine: &Partition, subject: &Subject) -> Option<ShowRow> {
    let document = Document::decode(machine.document(subject)?).ok()?;
    Some(document.show?.row)
}

/// In which way the zones of a row are not those of the engine, where the seats `gone` were taken away,
/// and not those of the document that the row is described by, in words.
pub(crate) fn differing_zones(
    show: &ShowView,
    gone: &[SeatIndex],
    row: &ShowRow,
    described: Option<&ShowRow>,
) -> Vec<String> {
    if show.zones.len() != row.zones.len() {
        return vec![format!(
            "engine has {} zones, database {}",
            show.zones.len(),
            row.zones.len()
        )];
    }
    let mut zones = Vec::new();
    for (place, (engine, zone)) in show.zones.iter().zip(&row.zones).enumerate() {
        if usize::from(zone.index) != place {
            zones.push(format!("zone {place} is missing"));
        } else if shape(&zone.admission) != engine.admission {
            zones.push(format!("layout of zone {place} is not that of the engine"));
        }
    }
    if zones.is_empty() {
        zones.extend(differing_indexes(show, gone, row));
    }
    let described = described.map(|show| &show.zones);
    for zone in described.into_iter().flatten() {
        let stands = row.zones.iter().find(|stands| stands.index == zone.index);
        let is_as_described = stands.is_some_and(|stands| {
            (stands.zone_id, &stands.name, &stands.admission)
                == (zone.zone_id, &zone.name, &zone.admission)
        });
        if !is_as_described && zones.is_empty() {
            zones.push(format!("zone {} is not as it is described", zone.index));
        }
    }
    zones
}

/// Whether seats have other indexes by a row than by the engine, or others are gone.
fn differing_indexes(show: &ShowView, gone: &[SeatIndex], row: &ShowRow) -> Option<String> {
    let indexes = SeatIndexes::of(&row.zones);
    let mut in_row = Vec::new();
    for (place, zone) in row.zones.iter().enumerate() {
        let is_of_zone = |seat: &SeatIndex| indexes.zone(*seat) == Some(place);
        if !zone.growth.gone.iter().all(is_of_zone) {
            return Some(format!("zone {place} lost seats that it never had"));
        }
        in_row.extend_from_slice(&zone.growth.gone);
    }
    in_row.sort_unstable();
    if in_row != gone {
        return Some(format!(
            "engine has taken away {} seats, database {}, or others",
            gone.len(),
            in_row.len()
        ));
    }
    let seats = show.zones.iter().map(|zone| match &zone.admission {
        Admission::Seated { rows } => rows.iter().map(|&seats| u32::from(seats)).sum::<u32>(),
        Admission::General { .. } => 0,
    });
    let seats: u32 = seats.sum();
    // Every index is of one seat, and none is left out.
    (indexes.end() != seats).then(|| {
        format!(
            "seats of the engine end at {seats}, those of the database at {}",
            indexes.end()
        )
    })
}

/// A layout without its labels, as the engine has it.
pub(crate) fn shape(admission: &ZoneAdmission) -> Admission {
    match admission {
        ZoneAdmission::General { capacity } => Admission::General {
            capacity: *capacity,
        },
        ZoneAdmission::Seated { rows } => Admission::Seated {
            rows: rows.iter().map(|row| row.seats.count()).collect(),
        },
    }
}

/// Event, partition, times and prices in which a row is not what the engine says.
pub(crate) fn differing_show_columns(
    show: &ShowView,
    row: &ShowRow,
    partition: PartitionId,
) -> Vec<String> {
    let mut columns = differing_places(show, row, partition);
    let mut check = |name: &str, engine: i128, database: i128| {
        if engine != database {
            columns.push(format!("{name}: engine {engine} database {database}"));
        }
    };
    check(
        "sale_opens_at_ms",
        show.sale_opens_at_ms.into(),
        row.sale_opens_at_ms.into(),
    );
    check(
        "sale_closes_at_ms",
        show.sale_closes_at_ms.into(),
        row.sale_closes_at_ms.into(),
    );
    check("hold_ms", show.hold_ms.into(), row.hold_ms.into());
    check(
        "cooldown_ms",
        show.cooldown_ms.into(),
        row.cooldown_ms.into(),
    );
    for (zone, in_catalog) in show.zones.iter().zip(&row.zones) {
        check(
            &format!("unit_price of zone {}", in_catalog.index),
            zone.unit_price.into(),
            in_catalog.unit_price.into(),
        );
    }
    for (zone, in_catalog) in show.zones.iter().zip(&row.zones) {
        if zone.currency.as_str() != in_catalog.currency {
            columns.push(format!(
                "currency of zone {}: engine {} database {}",
                in_catalog.index,
                zone.currency.as_str(),
                in_catalog.currency
            ));
        }
    }
    columns
}

/// A sale that ended by the clock is `open` in the catalog, so only what a command did is compared.
pub(crate) fn differing_status(
    show: &ShowView,
    row: &ShowRow,
    log_time_ms: LogTimeMs,
) -> Option<(String, String)> {
    let fits = match row.status {
        ShowStatus::Cancelled => show.cancelled,
        ShowStatus::Open => !show.cancelled,
        // A sale that ends later was opened again.
        ShowStatus::Closed => !show.cancelled && show.sale_closes_at_ms <= log_time_ms,
        ShowStatus::Opening => false,
    };
    let engine = if show.cancelled { "cancelled" } else { "open" };
    (!fits).then(|| {
        (
            engine.to_owned(),
            format!("{:?}", row.status).to_lowercase(),
        )
    })
}
