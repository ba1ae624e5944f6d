//! The comparison.

use std::collections::BTreeMap;

use onsale_engine::{BookingState, BookingView, Partition, ShowView};
use onsale_schemas::command::{Admission, Subject};
use onsale_schemas::{BookingId, LogTimeMs, PartitionId, SeatStatus, ShowId};
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::{ShowRow, ShowStatus};
use onsale_store::document::Document;
use onsale_store::{Store, StoreError};

use super::Projections;
use super::counts::EngineCounts;
use super::report::{Checked, Difference, Finding, PartitionPosition, Report};

/// Version of the report's format. 2 added what is found in Redis, 3 times and prices of shows, 4
/// the catalog by the log's documents; one of an earlier version still means the same.
pub(super) const REPORT_VERSION: u32 = 4;
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
        version: REPORT_VERSION,
        created_at_ms: now_ms,
        log_id: hex(&log_id),
        positions: Vec::new(),
        checked: Checked::default(),
        projection_behind: projection_behind.map(str::to_owned),
        redis_unreachable: None,
        differences: Vec::new(),
    };
    for machine in machines {
        report.positions.push(PartitionPosition {
            partition: machine.id(),
            next_offset: machine.next_offset(),
            digest: format!("{:016x}", machine.digest()),
        });
        compare_catalog(machine, store, &mut report).await?;
        compare_bookings(machine, store, &mut report).await?;
        compare_shows(machine, store, &mut report).await?;
        if let Some(counts) = counts
            && report.redis_unreachable.is_none()
            && let Err(error) = EngineCounts::of(machine).compare(counts, &mut report).await
        {
            report.redis_unreachable = Some(error.to_string());
        }
    }
    Ok(report)
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
        let row = match projected.remove(&id) {
            Some(row) => Some(row),
            // Not live by the database: it may be there all the same.
            None => store.booking(id).await?,
        };
        match row {
            None => report.add(
                partition,
                Finding::BookingMissing {
                    booking_id: id,
                    show_id: booking.show,
                },
                "the projection lost a row, or was set ahead of it",
            ),
            Some(row) => {
                let columns = differing_columns(&booking, &row);
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
    for row in projected.into_values() {
        report.add(
            partition,
            Finding::BookingExtra {
                booking_id: row.booking_id,
                show_id: row.show_id,
            },
            "the row was put there from outside, or the projection lost its end",
        );
    }
    Ok(())
}

async fn live_bookings(
    store: &Store,
    partition: PartitionId,
) -> Result<BTreeMap<BookingId, BookingRow>, StoreError> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store
            .live_bookings(partition, after, BOOKINGS_PER_PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = Some(last.booking_id.offset());
        all.extend(page.into_iter().map(|row| (row.booking_id, row)));
    }
}

/// The columns in which a row is not what the engine says. What the engine does not keep is not
/// compared: the payment reference (it has a hash), the request, and when an ended booking was paid.
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
    check("user_id", booking.user.to_string(), row.user_id.to_string());
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
    // Of a booking that has ended the engine no longer knows whether and when it was paid.
    if booking.ended_at_ms.is_none() {
        check(
            "confirmed_at_ms",
            format!("{:?}", booking.confirmed_at_ms),
            format!("{:?}", row.confirmed_at_ms),
        );
    }
    columns
}

/// Events and shows that the log has documents of. What the database has as new is its own: the
/// catalog is mastered there.
async fn compare_catalog(
    machine: &Partition,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
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
        }
    }
    Ok(())
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
    report: &mut Report,
) -> Result<(), StoreError> {
    let partition = machine.id();
    for show in machine.shows() {
        report.checked.shows += 1;
        let Some(row) = store.show(show.show).await? else {
            let subject = Subject::Show {
                show: show.show,
                event: show.event,
            };
            if is_readable(machine, &subject) {
                continue;
            }
            report.add(
                partition,
                Finding::ShowMissing { show_id: show.show },
                "the catalog lost a row",
            );
            continue;
        };
        if let Some((engine, database)) = differing_status(&show, &row, machine.log_time_ms()) {
            report.add(
                partition,
                Finding::ShowStatusDiffers {
                    show_id: show.show,
                    engine,
                    database,
                },
                "the row was changed from outside, or the projection lost an update",
            );
        }
        if !show.cancelled {
            let columns = differing_show_columns(&show, &row);
            if !columns.is_empty() {
                report.add(
                    partition,
                    Finding::ShowDiffers {
                        show_id: show.show,
                        columns,
                    },
                    "the row was changed from outside, or comes from an old backup",
                );
            }
            compare_places(machine, &show, store, report).await?;
        }
    }
    Ok(())
}

/// Times and prices in which a row is not what the engine says.
pub(super) fn differing_show_columns(show: &ShowView, row: &ShowRow) -> Vec<String> {
    let mut columns = Vec::new();
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
    for (zone, in_catalog) in show.zones.iter().zip(&row.zones) {
        check(
            &format!("unit_price of zone {}", in_catalog.index),
            zone.unit_price.into(),
            in_catalog.unit_price.into(),
        );
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
    let explained = blocks_differ
        || report
            .differences
            .iter()
            .any(|difference| match &difference.finding {
                Finding::BookingMissing { show_id, .. }
                | Finding::BookingDiffers { show_id, .. }
                | Finding::BookingExtra { show_id, .. } => *show_id == show.show,
                _ => false,
            });
    if explained {
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
