//! Live bookings, and those that ended a short while ago.

use std::collections::BTreeMap;

use onsale_engine::{BookingState, BookingView, Partition, payment_hash};
use onsale_schemas::{BookingId, PartitionId, ShowId};
use onsale_store::booking::{BookingRow, BookingStatus, HIDDEN, OrderRow, StoredBooking};
use onsale_store::retention::RetiredShows;
use onsale_store::{Store, StoreError};

use crate::reconcile::report::{Finding, Report};

/// Ended bookings of a partition that are compared, the newest ones.
const ENDED_MAX: usize = 5_000;
/// Bookings read from the database at once.
const BOOKINGS_PER_PAGE: u32 = 5_000;

/// What the projection should say of a booking that the engine holds.
pub(crate) fn expected_status(booking: &BookingView) -> BookingStatus {
    match booking.state {
        BookingState::Reserved => BookingStatus::Reserved,
        BookingState::Confirmed => BookingStatus::Confirmed,
        BookingState::Cancelled => BookingStatus::Cancelled,
        BookingState::Expired => BookingStatus::Expired,
    }
}

pub(super) async fn compare_bookings(
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
                    Ok(row) => differing_columns(machine, &booking, row),
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

/// How the places of a booking were priced by the engine; `None` for a plain one, also where the engine keeps
/// what partial returns have left of it.
pub(crate) fn expected_order(machine: &Partition, booking: &BookingView) -> Option<OrderRow> {
    let order = machine.order(booking.booking)?;
    (!order.plain).then_some(OrderRow {
        lines: order.lines,
        order_fee: order.order_fee,
        order_fee_tax: order.order_fee_tax,
        total: order.total,
        tax: order.tax,
        code: order.code,
    })
}

/// The columns in which a row is not what the engine says. What the engine does not keep is not
/// compared: the request, the last record that changed it, and when and by what reference an ended
/// booking was paid. Whose it is and its payment reference are not shown.
pub(crate) fn differing_columns(
    machine: &Partition,
    booking: &BookingView,
    row: &BookingRow,
) -> Vec<String> {
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
    let order = expected_order(machine, booking);
    let of_order = OrderRow::differing_columns(order.as_ref(), row.order.as_ref());
    for (name, engine, database) in of_order {
        check(name, engine, database);
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
pub(crate) fn is_same_payment(booking: &BookingView, row: &BookingRow) -> bool {
    booking.ended_at_ms.is_some()
        || booking.payment_hash == row.payment_reference.as_deref().map(payment_hash)
}
