//! The comparison.

use std::collections::{BTreeMap, BTreeSet};

use onsale_engine::{BookingState, BookingView, EventView, Partition, ShowView, payment_hash};
use onsale_schemas::command::{Admission, Subject};
use onsale_schemas::{BookingId, EventId, LogTimeMs, PartitionId, SeatIndex, SeatStatus, ShowId};
use onsale_store::booking::{BookingRow, BookingStatus, HIDDEN, StoredBooking, projected_offset};
use onsale_store::catalog::{
    ChartRow, EventRow, EventStatus, RowSeats, ShowRow, ShowStatus, ZoneAdmission,
};
use onsale_store::document::Document;
use onsale_store::retention::RetiredShows;
use onsale_store::{Store, StoreError};

use super::Projections;
use super::counts::EngineCounts;
use super::report::{Difference, Finding, PartitionPosition, Report};

/// The partition that stands in for what belongs to none: it is compared along with this one.
pub(super) const OF_NO_PARTITION: PartitionId = PartitionId(0);
/// Ended bookings of a partition that are compared, the newest ones.
const ENDED_MAX: usize = 5_000;
/// Bookings read from the database at once.
const BOOKINGS_PER_PAGE: u32 = 5_000;

/// Compares machines that stand still with the database, and with Redis where there is one. A Redis
/// that cannot be read is only noted.
///
/// # Errors
/// When the database cannot be read.
pub async fn compare<'a>(
    machines: &[Partition],
    projection_behind: Option<&str>,
    projections: impl Into<Projections<'a>>,
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<Report, StoreError> {
    let Projections { store, counts } = projections.into();
    let mut report = Report {
        projection_behind: projection_behind.map(str::to_owned),
        ..Report::new(log_id, now_ms)
    };
    let retired = store.retired_shows().await?;
    for machine in machines {
        report.positions.push(PartitionPosition {
            partition: machine.id(),
            next_offset: machine.next_offset(),
            digest: format!("{:016x}", machine.digest()),
        });
        let as_described = compare_catalog(machine, store, &mut report).await?;
        compare_bookings(machine, store, &retired, &mut report).await?;
        compare_shows(machine, store, &as_described, &retired, &mut report).await?;
        compare_events(machine, store, &mut report).await?;
        if machine.id() == OF_NO_PARTITION && store.usage_differs().await? {
            report.add(
                machine.id(),
                Finding::UsageDiffers,
                "rows were changed from outside",
            );
        }
        if let Some(counts) = counts
            && report.redis_unreachable.is_none()
            && let Err(error) = EngineCounts::of(machine).compare(counts, &mut report).await
        {
            report.redis_unreachable = Some(error.to_string());
        }
    }
    Ok(report)
}

/// Compares where the database says it is with machines that nothing else projects from meanwhile.
pub(crate) async fn compare_watermarks(
    machines: &[Partition],
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let watermarks = store.watermarks().await?;
    for machine in machines {
        let engine = machine.next_offset();
        let database = projected_offset(&watermarks, machine.id());
        if database > engine {
            report.add(
                machine.id(),
                Finding::WatermarkAhead { engine, database },
                "the row was changed from outside",
            );
        }
    }
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the projection should say of a booking that the engine holds.
pub(super) fn expected_status(booking: &BookingView) -> BookingStatus {
    match booking.state {
        BookingState::Reserved => BookingStatus::Reserved,
        BookingState::Confirmed => BookingStatus::Confirmed,
        BookingState::Cancelled => BookingStatus::Cancelled,
        BookingState::Expired => BookingStatus::Expired,
    }
}

async fn compare_bookings(
    machine: &Partition,
    store: &Store,
    retired: &RetiredShows,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    let mut projected = live_bookings(store, partition).await?;
    let (live, mut ended): (Vec<_>, Vec<_>) = machine
        .bookings()
        .partition(|booking| expected_status(booking).is_live());
    report.checked.bookings += live.len() as u64;
    // Each is a question of its own.
    ended.sort_unstable_by_key(|booking| std::cmp::Reverse(booking.booking));
    let left_out = ended.len().saturating_sub(ENDED_MAX);
    ended.truncate(ENDED_MAX);
    report.checked.ended += ended.len() as u64;
    report.checked.ended_not_compared += left_out as u64;
    for booking in live.into_iter().chain(ended) {
        let id = BookingId::new(partition, booking.booking);
        let stored = match projected.remove(&id) {
            Some(stored) => Some(stored),
            // Not live by the database: it may be there all the same.
            None => store.stored_booking(id).await?,
        };
        match stored {
            // It was deleted because it is too old.
            None if retired.may_lack(booking.show, booking.reserved_at_ms) => {}
            None => report.add(
                partition,
                Finding::BookingMissing {
                    booking_id: id,
                    show_id: booking.show,
                },
                "the projection lost a row, or was set ahead of it",
            ),
            Some(stored) => {
                let columns = match &stored.row {
                    Ok(row) => differing_columns(&booking, row),
                    Err(unreadable) => vec![unreadable.clone()],
                };
                if !columns.is_empty() {
                    report.add(
                        partition,
                        Finding::BookingDiffers {
                            booking_id: id,
                            show_id: booking.show,
                            columns,
                        },
                        "the row was changed from outside, or the projection lost an update",
                    );
                }
            }
        }
    }
    for stored in projected.into_values() {
        report.add(
            partition,
            Finding::BookingExtra {
                booking_id: stored.booking_id,
                show_id: stored
                    .row
                    .map_or_else(|_| ShowId::from_bytes([0; 16]), |row| row.show_id),
            },
            "the row was put there from outside, or the projection lost its end",
        );
    }
    Ok(())
}

async fn live_bookings(
    store: &Store,
    partition: PartitionId,
) -> Result<BTreeMap<BookingId, StoredBooking>, StoreError> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store
            .stored_live_bookings(partition, after, BOOKINGS_PER_PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = Some(last.booking_id.offset());
        all.extend(page.into_iter().map(|row| (row.booking_id, row)));
    }
}

/// The columns in which a row is not what the engine says. What the engine does not keep is not
/// compared: the request, the last record that changed it, and when and by what reference an ended
/// booking was paid. Whose it is and its payment reference are not shown.
pub(super) fn differing_columns(booking: &BookingView, row: &BookingRow) -> Vec<String> {
    let mut columns = Vec::new();
    let mut check = |name: &str, engine: String, database: String| {
        if engine != database {
            columns.push(format!("{name}: engine {engine} database {database}"));
        }
    };
    let status = expected_status(booking);
    check("status", format!("{status:?}"), format!("{:?}", row.status));
    check("show_id", booking.show.to_string(), row.show_id.to_string());
    check(
        "event_id",
        booking.event.to_string(),
        row.event_id.to_string(),
    );
    check("zone", booking.zone.to_string(), row.zone.to_string());
    check(
        "seats",
        format!("{:?}", &booking.seats[..]),
        format!("{:?}", row.seats),
    );
    check(
        "quantity",
        booking.quantity.to_string(),
        row.quantity.to_string(),
    );
    check(
        "unit_price",
        booking.unit_price.to_string(),
        row.unit_price.to_string(),
    );
    check(
        "currency",
        booking.currency.as_str().to_owned(),
        row.currency.clone(),
    );
    check(
        "reserved_at_ms",
        booking.reserved_at_ms.to_string(),
        row.reserved_at_ms.to_string(),
    );
    check(
        "expires_at_ms",
        booking.expires_at_ms.to_string(),
        row.expires_at_ms.to_string(),
    );
    check(
        "ended_at_ms",
        format!("{:?}", booking.ended_at_ms),
        format!("{:?}", row.ended_at_ms),
    );
    // Of a booking that has ended the engine no longer knows whether and when it was paid.
    if booking.ended_at_ms.is_none() {
        check(
            "confirmed_at_ms",
            format!("{:?}", booking.confirmed_at_ms),
            format!("{:?}", row.confirmed_at_ms),
        );
    }
    if booking.user != row.user_id {
        columns.push(format!("user_id: {HIDDEN}"));
    }
    if !is_same_payment(booking, row) {
        columns.push(format!("payment_reference: {HIDDEN}"));
    }
    columns
}

/// Whether the payment reference of a row is the one that the engine has a hash of. Of a booking that
/// has ended it has none.
pub(super) fn is_same_payment(booking: &BookingView, row: &BookingRow) -> bool {
    booking.ended_at_ms.is_some()
        || booking.payment_hash == row.payment_reference.as_deref().map(payment_hash)
}

/// Events and shows that the log has documents of. What the database has as new is its own: the
/// catalog is mastered there. Gives the shows of which it has the version that is described.
async fn compare_catalog(
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
pub(super) fn is_readable(machine: &Partition, subject: &Subject) -> bool {
    machine
        .document(subject)
        .is_some_and(|bytes| Document::decode(bytes).is_ok())
}

async fn compare_shows(
    machine: &Partition,
    store: &Store,
    as_described: &BTreeSet<ShowId>,
    retired: &RetiredShows,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    let holders = holders_by_show(machine);
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
        let zones = differing_zones(&show, &row, described.as_ref());
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
        if !show.cancelled && has_zones {
            compare_places(machine, &show, is_explained, store, report).await?;
        }
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

/// What the row of a show alone says otherwise than the engine.
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
pub(super) fn described_show(machine: &Partition, subject: &Subject) -> Option<ShowRow> {
    let document = Document::decode(machine.document(subject)?).ok()?;
    Some(document.show?.row)
}

/// In which way the zones of a row are not those of the engine, and not those of the document that
/// the row is described by, in words.
pub(super) fn differing_zones(
    show: &ShowView,
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

/// A layout without its labels, as the engine has it.
pub(super) fn shape(admission: &ZoneAdmission) -> Admission {
    let seats = |row: &ChartRow| match &row.seats {
        RowSeats::Count(count) => *count,
        RowSeats::Labels(labels) => u16::try_from(labels.len()).unwrap_or(u16::MAX),
    };
    match admission {
        ZoneAdmission::General { capacity } => Admission::General {
            capacity: *capacity,
        },
        ZoneAdmission::Seated { rows } => Admission::Seated {
            rows: rows.iter().map(seats).collect(),
        },
    }
}

/// The seats that live bookings hold, ascending, by show.
pub(super) fn holders_by_show(
    machine: &Partition,
) -> BTreeMap<ShowId, Vec<(SeatIndex, BookingId)>> {
    let mut holders: BTreeMap<ShowId, Vec<(SeatIndex, BookingId)>> = BTreeMap::new();
    for booking in machine.bookings() {
        if expected_status(&booking).is_live() && !booking.seats.is_empty() {
            let id = BookingId::new(machine.id(), booking.booking);
            let of_show = holders.entry(booking.show).or_default();
            of_show.extend(booking.seats.iter().map(|seat| (*seat, id)));
        }
    }
    for of_show in holders.values_mut() {
        of_show.sort_unstable();
    }
    holders
}

/// What the log decides about events: their limit, and whether they are cancelled.
async fn compare_events(
    machine: &Partition,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut events: BTreeMap<EventId, bool> = BTreeMap::new();
    for show in machine.shows() {
        *events.entry(show.event).or_default() |= !show.cancelled;
    }
    for (event_id, sells) in events {
        // One that is not there is missing by its document.
        let (Some(view), Some(row)) = (machine.event(event_id), store.event(event_id).await?)
        else {
            continue;
        };
        let columns = differing_event_columns(&view, sells, &row);
        if !columns.is_empty() {
            report.add(
                machine.id(),
                Finding::EventDiffers { event_id, columns },
                "the row was changed from outside, or comes from an old backup",
            );
        }
    }
    Ok(())
}

/// The columns in which an event's row is not what the engine says. `sells` where a show of it is not
/// cancelled.
pub(super) fn differing_event_columns(
    view: &EventView,
    sells: bool,
    row: &EventRow,
) -> Vec<String> {
    let mut columns = Vec::new();
    if let Some(limit) = view.max_tickets_per_user
        && limit != row.max_tickets_per_user
    {
        columns.push(format!(
            "max_tickets_per_user: engine {limit} database {}",
            row.max_tickets_per_user
        ));
    }
    let is_cancelled = row.status == EventStatus::Cancelled;
    if (view.cancelled && !is_cancelled) || (is_cancelled && !view.cancelled && sells) {
        let engine = if view.cancelled {
            "cancelled"
        } else {
            "on sale"
        };
        let database = format!("{:?}", row.status).to_lowercase();
        columns.push(format!("status: engine {engine} database {database}"));
    }
    columns
}

/// Where a show belongs by its row and not by the engine.
fn differing_places(show: &ShowView, row: &ShowRow, partition: PartitionId) -> Vec<String> {
    let mut columns = Vec::new();
    if show.event != row.event_id {
        columns.push(format!(
            "event_id: engine {} database {}",
            show.event, row.event_id
        ));
    }
    if partition != row.partition {
        columns.push(format!(
            "partition: engine {partition} database {}",
            row.partition
        ));
    }
    columns
}

/// Event, partition, times and prices in which a row is not what the engine says.
pub(super) fn differing_show_columns(
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
pub(super) fn differing_status(
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

/// Blocked places as the engine has them: seats, and quantities of general-admission zones.
pub(super) fn blocked_places(machine: &Partition, show: ShowId) -> (Vec<u32>, Vec<(u16, u32)>) {
    let Some(state) = machine.show_seats(show) else {
        return (Vec::new(), Vec::new());
    };
    let seats: Vec<u32> = state
        .unavailable
        .iter()
        .filter(|(_, status)| *status == SeatStatus::Blocked)
        .map(|(seat, _)| *seat)
        .collect();
    let zones = machine
        .show(show)
        .map(|view| view.zones)
        .unwrap_or_default();
    let quantities = (0u16..)
        .zip(&zones)
        .filter(|(_, zone)| matches!(zone.admission, Admission::General { .. }))
        .filter(|(_, zone)| zone.counts.blocked > 0)
        .map(|(index, zone)| (index, zone.counts.blocked))
        .collect();
    (seats, quantities)
}

async fn compare_places(
    machine: &Partition,
    show: &ShowView,
    is_explained: bool,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    let (seats, quantities) = blocked_places(machine, show.show);
    let (mut db_seats, mut db_quantities) = store.blocked_places(show.show).await?;
    db_seats.sort_unstable();
    db_quantities.sort_unstable();
    db_quantities.retain(|(_, quantity)| *quantity > 0);
    let blocks_differ = (seats, quantities) != (db_seats, db_quantities);
    if blocks_differ {
        report.add(
            partition,
            Finding::BlocksDiffer { show_id: show.show },
            "rows were changed from outside, or the projection lost an update",
        );
    }
    // Sums follow from bookings and blocks: a difference is news only where those agree.
    if blocks_differ || is_explained {
        return Ok(());
    }
    let sums = store.zone_sums(show.show).await?;
    let zones = machine
        .show_seats(show.show)
        .map(|state| state.zones)
        .unwrap_or_default();
    for (index, (counts, sum)) in (0u16..).zip(zones.iter().zip(&sums)) {
        let engine = [counts.held, counts.sold, counts.blocked].map(u64::from);
        let database = [sum.held, sum.sold, sum.blocked];
        if engine != database {
            report.add(
                partition,
                Finding::ZoneSumsDiffer {
                    show_id: show.show,
                    zone: index,
                    engine,
                    database,
                },
                "the engine's counters contradict its bookings: run `onsale verify`",
            );
        }
    }
    Ok(())
}

impl Report {
    /// The shows of which a booking differs.
    fn shows_of_bookings(&self) -> BTreeSet<ShowId> {
        let findings = self.differences.iter();
        findings
            .filter_map(|difference| match &difference.finding {
                Finding::BookingMissing { show_id, .. }
                | Finding::BookingDiffers { show_id, .. }
                | Finding::BookingExtra { show_id, .. } => Some(*show_id),
                _ => None,
            })
            .collect()
    }

    pub(super) fn add(&mut self, partition: PartitionId, finding: Finding, cause: &str) {
        let cause = match &self.projection_behind {
            Some(behind) => format!("{cause}; {behind}"),
            None => cause.to_owned(),
        };
        self.differences.push(Difference {
            partition,
            finding,
            cause,
        });
    }
}
