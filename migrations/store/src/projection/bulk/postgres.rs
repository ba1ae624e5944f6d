//! Bulk statements by `UNNEST`: one array per column.

use onsale_schemas::{PartitionId, SeatIndex, ShowId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::plan::BookingChange;
use super::super::trail::DecidedRow;
use super::{HeldSeat, OnKnown, SeatHolder};
use crate::audit::chain::Lane;
use crate::booking::{BookingRow, OrderRow};
use crate::database::{classify, integer};
use crate::error::StoreError;

fn seat_number(seat: SeatIndex) -> Result<i32, StoreError> {
    small("seat", seat)
}

fn small(what: &str, number: u32) -> Result<i32, StoreError> {
    i32::try_from(number)
        .map_err(|_| StoreError::Invalid(format!("{what} {number} is above {}", i32::MAX)))
}

fn optional(what: &str, number: Option<u64>) -> Result<Option<i64>, StoreError> {
    number.map(|number| integer(what, number)).transpose()
}

/// An array literal: arrays of arrays would have to be of one length.
fn array_literal(seats: &[SeatIndex]) -> String {
    let mut text = String::with_capacity(2 + seats.len() * 6);
    text.push('{');
    for (position, seat) in seats.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        text.push_str(&seat.to_string());
    }
    text.push('}');
    text
}

/// The columns of bookings that are orders; all are NULL for another.
#[derive(Default)]
struct OrderColumns {
    lines: Vec<Option<String>>,
    fees: Vec<Option<i64>>,
    fee_taxes: Vec<Option<i64>>,
    totals: Vec<Option<i64>>,
    taxes: Vec<Option<i64>>,
    codes: Vec<Option<Uuid>>,
}

impl OrderColumns {
    fn push(&mut self, order: Option<&OrderRow>) -> Result<(), StoreError> {
        self.lines
            .push(order.map(OrderRow::lines_text).transpose()?);
        self.fees.push(order.map(|order| order.order_fee));
        self.fee_taxes.push(order.map(|order| order.order_fee_tax));
        self.totals.push(order.map(|order| order.total));
        self.taxes.push(order.map(|order| order.tax));
        self.codes
            .push(order.and_then(|order| order.code).map(|code| code.0));
        Ok(())
    }
}

/// The columns of seats with their holders.
struct HolderColumns {
    shows: Vec<Uuid>,
    seats: Vec<i32>,
    partitions: Vec<i32>,
    bookings: Vec<i64>,
}

impl HolderColumns {
    fn of(holders: &[SeatHolder]) -> Result<Self, StoreError> {
        let mut columns = Self {
            shows: Vec::with_capacity(holders.len()),
            seats: Vec::with_capacity(holders.len()),
            partitions: Vec::with_capacity(holders.len()),
            bookings: Vec::with_capacity(holders.len()),
        };
        for holder in holders {
            columns.shows.push(holder.show.0);
            columns.seats.push(seat_number(holder.seat)?);
            columns.partitions.push(i32::from(holder.partition.0));
            columns.bookings.push(integer("offset", holder.booking)?);
        }
        Ok(columns)
    }
}

pub(super) async fn free_seats(
    connection: &mut PgConnection,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    let columns = HolderColumns::of(holders)?;
    sqlx::query(
        "DELETE FROM booking_seats AS s \
         USING UNNEST($1::uuid[], $2::int4[], $3::int4[], $4::int8[]) \
             AS f (show_id, seat, partition, booking_offset) \
         WHERE s.show_id = f.show_id AND s.seat = f.seat AND s.partition = f.partition \
             AND s.booking_offset = f.booking_offset",
    )
    .bind(columns.shows)
    .bind(columns.seats)
    .bind(columns.partitions)
    .bind(columns.bookings)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(())
}

/// Where row-level security is on, PostgreSQL names no values of a violated key, so seats that are held are passed
/// by, and asked for where there are some.
pub(super) async fn take_seats(
    connection: &mut PgConnection,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    let columns = HolderColumns::of(holders)?;
    let taken = sqlx::query(
        "INSERT INTO booking_seats (show_id, seat, partition, booking_offset) \
         SELECT * FROM UNNEST($1::uuid[], $2::int4[], $3::int4[], $4::int8[]) \
         ON CONFLICT ON CONSTRAINT one_live_holder_per_seat DO NOTHING",
    )
    .bind(&columns.shows)
    .bind(&columns.seats)
    .bind(&columns.partitions)
    .bind(&columns.bookings)
    .execute(&mut *connection)
    .await
    .map_err(classify)?
    .rows_affected();
    if taken == holders.len() as u64 {
        return Ok(());
    }
    let held = held_seat(connection, &columns).await?;
    Err(StoreError::DoubleSale(held.map_or_else(
        || "two of the seats are one, or one is held by its booking already".to_owned(),
        |held| held.to_string(),
    )))
}

/// One of these seats that another booking holds.
async fn held_seat(
    connection: &mut PgConnection,
    columns: &HolderColumns,
) -> Result<Option<HeldSeat>, StoreError> {
    let found: Option<(Uuid, i32, i64, i32, i64, i32)> = sqlx::query_as(
        "SELECT s.show_id, s.seat, s.booking_offset, s.partition, n.booking_offset, n.partition \
         FROM UNNEST($1::uuid[], $2::int4[], $3::int4[], $4::int8[]) \
             AS n (show_id, seat, partition, booking_offset) \
         JOIN booking_seats AS s ON s.show_id = n.show_id AND s.seat = n.seat \
         WHERE (s.partition, s.booking_offset) <> (n.partition, n.booking_offset) LIMIT 1",
    )
    .bind(&columns.shows)
    .bind(&columns.seats)
    .bind(&columns.partitions)
    .bind(&columns.bookings)
    .fetch_optional(connection)
    .await
    .map_err(classify)?;
    Ok(found.map(
        |(show, seat, holder, holder_partition, booking, partition)| HeldSeat {
            show,
            seat: seat.into(),
            holder: (holder, holder_partition.into()),
            booking: (booking, partition.into()),
        },
    ))
}

pub(super) async fn change_bookings(
    connection: &mut PgConnection,
    partition: PartitionId,
    changes: &[BookingChange],
) -> Result<u64, StoreError> {
    let mut bookings = Vec::with_capacity(changes.len());
    let mut statuses = Vec::with_capacity(changes.len());
    let mut expires = Vec::with_capacity(changes.len());
    let mut confirmed = Vec::with_capacity(changes.len());
    let mut references = Vec::with_capacity(changes.len());
    let mut ended = Vec::with_capacity(changes.len());
    let mut updated = Vec::with_capacity(changes.len());
    let mut seats = Vec::with_capacity(changes.len());
    let mut quantities = Vec::with_capacity(changes.len());
    let mut orders = OrderColumns::default();
    for change in changes {
        bookings.push(integer("offset", change.booking)?);
        statuses.push(change.status.as_str());
        expires.push(optional("expires_at_ms", change.expires_at_ms)?);
        confirmed.push(optional("confirmed_at_ms", change.confirmed_at_ms)?);
        references.push(change.payment_reference.as_deref());
        ended.push(optional("ended_at_ms", change.ended_at_ms)?);
        updated.push(integer("offset", change.updated_offset)?);
        let left = change.left.as_ref();
        seats.push(left.map(|left| array_literal(&left.seats)));
        quantities.push(
            left.map(|left| small("quantity", left.quantity))
                .transpose()?,
        );
        orders.push(left.map(|left| &left.order))?;
    }
    let done = sqlx::query(
        "UPDATE bookings AS b SET status = c.status, \
             expires_at_ms = COALESCE(c.expires_at_ms, b.expires_at_ms), \
             confirmed_at_ms = COALESCE(c.confirmed_at_ms, b.confirmed_at_ms), \
             payment_reference = COALESCE(c.payment_reference, b.payment_reference), \
             ended_at_ms = c.ended_at_ms, updated_offset = c.updated_offset, \
             seats = COALESCE(c.seats::int4[], b.seats), \
             quantity = COALESCE(c.quantity, b.quantity), \
             order_lines = CASE WHEN b.order_lines IS NOT NULL \
                 THEN COALESCE(c.order_lines::jsonb, b.order_lines) END, \
             order_fee = CASE WHEN b.order_lines IS NOT NULL \
                 THEN COALESCE(c.order_fee, b.order_fee) END, \
             order_fee_tax = CASE WHEN b.order_lines IS NOT NULL \
                 THEN COALESCE(c.order_fee_tax, b.order_fee_tax) END, \
             order_total = CASE WHEN b.order_lines IS NOT NULL \
                 THEN COALESCE(c.order_total, b.order_total) END, \
             order_tax = CASE WHEN b.order_lines IS NOT NULL \
                 THEN COALESCE(c.order_tax, b.order_tax) END \
         FROM UNNEST($2::int8[], $3::text[], $4::int8[], $5::int8[], $6::text[], $7::int8[], \
             $8::int8[], $9::text[], $10::int4[], $11::text[], $12::int8[], $13::int8[], \
             $14::int8[], $15::int8[]) AS c (booking_offset, status, expires_at_ms, \
             confirmed_at_ms, payment_reference, ended_at_ms, updated_offset, seats, quantity, \
             order_lines, order_fee, order_fee_tax, order_total, order_tax) \
         WHERE b.partition = $1 AND b.booking_offset = c.booking_offset",
    )
    .bind(i32::from(partition.0))
    .bind(bookings)
    .bind(statuses)
    .bind(expires)
    .bind(confirmed)
    .bind(references)
    .bind(ended)
    .bind(updated)
    .bind(seats)
    .bind(quantities)
    .bind(orders.lines)
    .bind(orders.fees)
    .bind(orders.fee_taxes)
    .bind(orders.totals)
    .bind(orders.taxes)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(done.rows_affected())
}

macro_rules! insert {
    ($on_known:literal) => {
        concat!(
            "INSERT INTO bookings (partition, booking_offset, booking_id, request_id, event_id, \
                 show_id, user_id, zone, seats, quantity, unit_price, currency, status, \
                 reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, \
                 updated_offset, order_lines, order_fee, order_fee_tax, order_total, order_tax, \
                 order_code) \
             SELECT partition, booking_offset, booking_id, request_id, event_id, show_id, user_id, \
                 zone, seats::int4[], quantity, unit_price, currency, status, reserved_at_ms, \
                 expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, updated_offset, \
                 order_lines::jsonb, order_fee, order_fee_tax, order_total, order_tax, order_code \
             FROM UNNEST($1::int4[], $2::int8[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], \
                 $7::uuid[], $8::int4[], $9::text[], $10::int4[], $11::int8[], $12::text[], \
                 $13::text[], $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::text[], \
                 $19::int8[], $20::text[], $21::int8[], $22::int8[], $23::int8[], $24::int8[], \
                 $25::uuid[]) \
                 AS n (partition, booking_offset, booking_id, request_id, event_id, show_id, \
                 user_id, zone, seats, quantity, unit_price, currency, status, reserved_at_ms, \
                 expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, updated_offset, \
                 order_lines, order_fee, order_fee_tax, order_total, order_tax, order_code)",
            $on_known
        )
    };
}

pub(super) async fn insert_bookings(
    connection: &mut PgConnection,
    rows: &[&BookingRow],
    on_known: OnKnown,
) -> Result<(), StoreError> {
    let sql = match on_known {
        OnKnown::Refuse => insert!(""),
        OnKnown::Replace => insert!(
            " ON CONFLICT (partition, booking_offset) DO UPDATE SET \
                 booking_id = excluded.booking_id, request_id = excluded.request_id, \
                 event_id = excluded.event_id, show_id = excluded.show_id, \
                 user_id = excluded.user_id, zone = excluded.zone, seats = excluded.seats, \
                 quantity = excluded.quantity, unit_price = excluded.unit_price, \
                 currency = excluded.currency, status = excluded.status, \
                 reserved_at_ms = excluded.reserved_at_ms, \
                 expires_at_ms = excluded.expires_at_ms, \
                 confirmed_at_ms = excluded.confirmed_at_ms, \
                 ended_at_ms = excluded.ended_at_ms, \
                 payment_reference = excluded.payment_reference, \
                 updated_offset = excluded.updated_offset, \
                 order_lines = excluded.order_lines, order_fee = excluded.order_fee, \
                 order_fee_tax = excluded.order_fee_tax, order_total = excluded.order_total, \
                 order_tax = excluded.order_tax, order_code = excluded.order_code"
        ),
    };
    let column = |value: fn(&BookingRow) -> Uuid| -> Vec<Uuid> {
        rows.iter().map(|row| value(row)).collect()
    };
    let numbers =
        |what: &'static str, value: fn(&BookingRow) -> u64| -> Result<Vec<i64>, StoreError> {
            rows.iter().map(|row| integer(what, value(row))).collect()
        };
    let optional_numbers = |what: &'static str,
                            value: fn(&BookingRow) -> Option<u64>|
     -> Result<Vec<Option<i64>>, StoreError> {
        rows.iter().map(|row| optional(what, value(row))).collect()
    };
    let quantities: Vec<i32> = rows
        .iter()
        .map(|row| small("quantity", row.quantity))
        .collect::<Result<_, _>>()?;
    let partitions: Vec<i32> = rows
        .iter()
        .map(|row| i32::from(row.booking_id.partition().0))
        .collect();
    let requests: Vec<Option<Uuid>> = rows
        .iter()
        .map(|row| row.request_id.map(|id| id.0))
        .collect();
    let zones: Vec<i32> = rows.iter().map(|row| i32::from(row.zone)).collect();
    let seats: Vec<String> = rows.iter().map(|row| array_literal(&row.seats)).collect();
    let prices: Vec<i64> = rows.iter().map(|row| row.unit_price).collect();
    let currencies: Vec<&str> = rows.iter().map(|row| row.currency.as_str()).collect();
    let statuses: Vec<&str> = rows.iter().map(|row| row.status.as_str()).collect();
    let references: Vec<Option<&str>> = rows
        .iter()
        .map(|row| row.payment_reference.as_deref())
        .collect();
    let mut orders = OrderColumns::default();
    for row in rows {
        orders.push(row.order.as_ref())?;
    }
    sqlx::query(sql)
        .bind(partitions)
        .bind(numbers("offset", |row| row.booking_id.offset())?)
        .bind(column(|row| row.booking_id.as_uuid()))
        .bind(requests)
        .bind(column(|row| row.event_id.0))
        .bind(column(|row| row.show_id.0))
        .bind(column(|row| row.user_id.0))
        .bind(zones)
        .bind(seats)
        .bind(quantities)
        .bind(prices)
        .bind(currencies)
        .bind(statuses)
        .bind(numbers("reserved_at_ms", |row| row.reserved_at_ms)?)
        .bind(numbers("expires_at_ms", |row| row.expires_at_ms)?)
        .bind(optional_numbers("confirmed_at_ms", |row| {
            row.confirmed_at_ms
        })?)
        .bind(optional_numbers("ended_at_ms", |row| row.ended_at_ms)?)
        .bind(references)
        .bind(numbers("offset", |row| row.updated_offset)?)
        .bind(orders.lines)
        .bind(orders.fees)
        .bind(orders.fee_taxes)
        .bind(orders.totals)
        .bind(orders.taxes)
        .bind(orders.codes)
        .execute(connection)
        .await
        .map_err(classify)?;
    Ok(())
}

pub(super) async fn free_bookings(
    connection: &mut PgConnection,
    rows: &[&BookingRow],
) -> Result<(), StoreError> {
    let partitions: Vec<i32> = rows
        .iter()
        .map(|row| i32::from(row.booking_id.partition().0))
        .collect();
    let bookings: Vec<i64> = rows
        .iter()
        .map(|row| integer("offset", row.booking_id.offset()))
        .collect::<Result<_, _>>()?;
    let shows: Vec<Uuid> = rows.iter().map(|row| row.show_id.0).collect();
    // By show, because that is what the table has an index on.
    sqlx::query(
        "WITH repaired AS ( \
             SELECT * FROM UNNEST($1::int4[], $2::int8[]) AS r (partition, booking_offset) \
         ) \
         DELETE FROM booking_seats WHERE (partition, booking_offset) IN \
             (SELECT partition, booking_offset FROM repaired) \
         AND show_id IN ( \
             SELECT UNNEST($3::uuid[]) \
             UNION SELECT b.show_id FROM bookings AS b JOIN repaired USING (partition, booking_offset) \
         )",
    )
    .bind(partitions)
    .bind(bookings)
    .bind(shows)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(())
}

fn seat_columns(seats: &[(ShowId, SeatIndex)]) -> Result<(Vec<Uuid>, Vec<i32>), StoreError> {
    seats
        .iter()
        .map(|(show, seat)| Ok((show.0, seat_number(*seat)?)))
        .collect()
}

pub(super) async fn block_seats(
    connection: &mut PgConnection,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    let (shows, seats) = seat_columns(seats)?;
    sqlx::query(
        "INSERT INTO blocked_seats (show_id, seat) SELECT * FROM UNNEST($1::uuid[], $2::int4[]) \
         ON CONFLICT (show_id, seat) DO NOTHING",
    )
    .bind(shows)
    .bind(seats)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(())
}

pub(super) async fn unblock_seats(
    connection: &mut PgConnection,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    let (shows, seats) = seat_columns(seats)?;
    sqlx::query(
        "DELETE FROM blocked_seats AS s USING UNNEST($1::uuid[], $2::int4[]) AS u (show_id, seat) \
         WHERE s.show_id = u.show_id AND s.seat = u.seat",
    )
    .bind(shows)
    .bind(seats)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(())
}

pub(super) async fn insert_decided(
    connection: &mut PgConnection,
    rows: &[DecidedRow],
    lane: Lane,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = rows.iter().map(|row| row.audit_id).collect();
    let times: Vec<i64> = rows.iter().map(|row| row.at_ms).collect();
    let actors: Vec<Option<Uuid>> = rows.iter().map(|row| row.actor_id).collect();
    let roles: Vec<&str> = rows.iter().map(|row| row.actor_role).collect();
    let actor_tenants: Vec<Option<Uuid>> = rows.iter().map(|row| row.actor_tenant_id).collect();
    let requests: Vec<Option<&str>> = rows.iter().map(|row| row.request_id.as_deref()).collect();
    let actions: Vec<&str> = rows.iter().map(|row| row.action).collect();
    let kinds: Vec<&str> = rows.iter().map(|row| row.subject_kind).collect();
    let subjects: Vec<&str> = rows.iter().map(|row| row.subject_id.as_str()).collect();
    let tenants: Vec<Option<Uuid>> = rows.iter().map(|row| row.tenant_id).collect();
    let details: Vec<&str> = rows.iter().map(|row| row.detail.as_str()).collect();
    sqlx::query(
        "INSERT INTO audit (audit_id, at_ms, actor_id, actor_role, actor_tenant_id, request_id, \
             action, subject_kind, subject_id, tenant_id, detail, lane) \
         SELECT n.*, $12::int4 FROM UNNEST($1::int8[], $2::int8[], $3::uuid[], $4::text[], \
             $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::uuid[], \
             $11::text[]) AS n",
    )
    .bind(ids)
    .bind(times)
    .bind(actors)
    .bind(roles)
    .bind(actor_tenants)
    .bind(requests)
    .bind(actions)
    .bind(kinds)
    .bind(subjects)
    .bind(tenants)
    .bind(details)
    .bind(lane.0)
    .execute(connection)
    .await
    .map_err(classify)?;
    Ok(())
}
