//! Bulk statements by `json_each`: one JSON text with an array per row. Ids travel as hexadecimal.
//!
//! Rows of many columns are materialized first: `json_each` writes the text of a row anew each time
//! that its value is looked at.

use onsale_schemas::{PartitionId, SeatIndex, ShowId};
use serde::{Serialize, Serializer};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::super::plan::BookingChange;
use super::{OnKnown, SeatHolder};
use crate::booking::BookingRow;
use crate::database::{classify, integer, is_unique_violation};
use crate::error::StoreError;

/// A UUID as 32 hexadecimal digits.
struct Hex(Uuid);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.simple().encode_lower(&mut buffer))
    }
}

fn json(rows: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(rows)
        .map_err(|error| StoreError::Invalid(format!("rows for the database: {error}")))
}

async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: &impl Serialize,
) -> Result<u64, StoreError> {
    sqlx::query(sql)
        .bind(json(rows)?)
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
        .map_err(classify)
}

fn holder_rows(holders: &[SeatHolder]) -> Result<Vec<(Hex, u32, u16, i64)>, StoreError> {
    holders
        .iter()
        .map(|holder| {
            Ok((
                Hex(holder.show.0),
                holder.seat,
                holder.partition.0,
                integer("offset", holder.booking)?,
            ))
        })
        .collect()
}

pub(super) async fn free_seats(
    connection: &mut SqliteConnection,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    run(
        connection,
        "DELETE FROM booking_seats WHERE (show_id, seat, partition, booking_offset) IN \
         (SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM json_each($1))",
        &holder_rows(holders)?,
    )
    .await
    .map(drop)
}

pub(super) async fn take_seats(
    connection: &mut SqliteConnection,
    holders: &[SeatHolder],
) -> Result<(), StoreError> {
    let rows = holder_rows(holders)?;
    let result = run(
        &mut *connection,
        "INSERT INTO booking_seats (show_id, seat, partition, booking_offset) \
         WITH n AS MATERIALIZED (SELECT value FROM json_each($1)) \
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM n",
        &rows,
    )
    .await;
    match result {
        Err(error) if is_unique_violation(&error) => Err(StoreError::DoubleSale(
            taken_seat(connection, &rows)
                .await?
                .unwrap_or_else(|| error.to_string()),
        )),
        other => other.map(drop),
    }
}

/// One of these seats that has a holder. SQLite names only the columns of a violated key; a failed
/// statement leaves its transaction open, so it can be asked.
async fn taken_seat(
    connection: &mut SqliteConnection,
    rows: &impl Serialize,
) -> Result<Option<String>, StoreError> {
    let found: Option<(Uuid, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT s.show_id, s.seat, s.booking_offset, s.partition, n.value ->> 3, n.value ->> 2 \
         FROM json_each($1) AS n JOIN booking_seats AS s \
             ON s.show_id = unhex(n.value ->> 0) AND s.seat = n.value ->> 1 LIMIT 1",
    )
    .bind(json(rows)?)
    .fetch_optional(connection)
    .await
    .map_err(classify)?;
    Ok(found.map(
        |(show, seat, holder, holder_partition, booking, partition)| {
            format!(
                "seat {seat} of show {show} is held by booking {holder} of partition \
                 {holder_partition} and by booking {booking} of partition {partition}"
            )
        },
    ))
}

pub(super) async fn change_bookings(
    connection: &mut SqliteConnection,
    partition: PartitionId,
    changes: &[BookingChange],
) -> Result<u64, StoreError> {
    let rows = changes
        .iter()
        .map(|change| {
            Ok((
                partition.0,
                integer("offset", change.booking)?,
                change.status.as_str(),
                change.expires_at_ms,
                change.confirmed_at_ms,
                change.payment_reference.as_deref(),
                change.ended_at_ms,
                change.updated_offset,
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    run(
        connection,
        "WITH n AS MATERIALIZED (SELECT value FROM json_each($1)) \
         UPDATE bookings AS b SET status = c.status, \
             expires_at_ms = COALESCE(c.expires_at_ms, b.expires_at_ms), \
             confirmed_at_ms = COALESCE(c.confirmed_at_ms, b.confirmed_at_ms), \
             payment_reference = COALESCE(c.payment_reference, b.payment_reference), \
             ended_at_ms = c.ended_at_ms, updated_offset = c.updated_offset \
         FROM (SELECT value ->> 0 AS partition, value ->> 1 AS booking_offset, \
             value ->> 2 AS status, value ->> 3 AS expires_at_ms, value ->> 4 AS confirmed_at_ms, \
             value ->> 5 AS payment_reference, value ->> 6 AS ended_at_ms, \
             value ->> 7 AS updated_offset FROM n) AS c \
         WHERE b.partition = c.partition AND b.booking_offset = c.booking_offset",
        &rows,
    )
    .await
}

macro_rules! insert {
    ($on_known:literal) => {
        concat!(
            "INSERT INTO bookings (partition, booking_offset, booking_id, request_id, event_id, \
                 show_id, user_id, zone, seats, quantity, unit_price, currency, status, \
                 reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, \
                 updated_offset) \
             WITH n AS MATERIALIZED (SELECT value FROM json_each($1)) \
             SELECT value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3), \
                 unhex(value ->> 4), unhex(value ->> 5), unhex(value ->> 6), value ->> 7, \
                 value -> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, \
                 value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, \
                 value ->> 18 FROM n WHERE true",
            $on_known
        )
    };
}

/// The columns of a booking in the order of the statement; serde's tuples end at 16.
#[derive(Serialize)]
struct BookingColumns<'a>(
    u16,
    i64,
    Hex,
    Option<Hex>,
    Hex,
    Hex,
    Hex,
    u16,
    &'a [SeatIndex],
    u32,
    i64,
    &'a str,
    &'a str,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<&'a str>,
    i64,
);

fn booking_columns(row: &BookingRow) -> Result<BookingColumns<'_>, StoreError> {
    let optional =
        |what: &str, number: Option<u64>| number.map(|number| integer(what, number)).transpose();
    Ok(BookingColumns(
        row.booking_id.partition().0,
        integer("offset", row.booking_id.offset())?,
        Hex(row.booking_id.as_uuid()),
        row.request_id.map(|id| Hex(id.0)),
        Hex(row.event_id.0),
        Hex(row.show_id.0),
        Hex(row.user_id.0),
        row.zone,
        &row.seats,
        row.quantity,
        row.unit_price,
        &row.currency,
        row.status.as_str(),
        integer("reserved_at_ms", row.reserved_at_ms)?,
        integer("expires_at_ms", row.expires_at_ms)?,
        optional("confirmed_at_ms", row.confirmed_at_ms)?,
        optional("ended_at_ms", row.ended_at_ms)?,
        row.payment_reference.as_deref(),
        integer("offset", row.updated_offset)?,
    ))
}

pub(super) async fn insert_bookings(
    connection: &mut SqliteConnection,
    rows: &[&BookingRow],
    on_known: OnKnown,
) -> Result<(), StoreError> {
    let columns = rows
        .iter()
        .map(|row| booking_columns(row))
        .collect::<Result<Vec<_>, _>>()?;
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
                 updated_offset = excluded.updated_offset"
        ),
    };
    run(connection, sql, &columns).await.map(drop)
}

pub(super) async fn free_bookings(
    connection: &mut SqliteConnection,
    rows: &[&BookingRow],
) -> Result<(), StoreError> {
    let columns = rows
        .iter()
        .map(|row| {
            Ok((
                row.booking_id.partition().0,
                integer("offset", row.booking_id.offset())?,
                Hex(row.show_id.0),
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    // By show, because that is what the table has an index on.
    run(
        connection,
        "WITH repaired AS (SELECT value ->> 0 AS partition, value ->> 1 AS booking_offset, \
             unhex(value ->> 2) AS show_id FROM json_each($1)) \
         DELETE FROM booking_seats WHERE show_id IN ( \
             SELECT show_id FROM repaired \
             UNION SELECT b.show_id FROM repaired AS r JOIN bookings AS b \
                 ON b.partition = r.partition AND b.booking_offset = r.booking_offset \
         ) AND (partition, booking_offset) IN (SELECT partition, booking_offset FROM repaired)",
        &columns,
    )
    .await
    .map(drop)
}

fn seat_rows(seats: &[(ShowId, SeatIndex)]) -> Vec<(Hex, u32)> {
    seats
        .iter()
        .map(|(show, seat)| (Hex(show.0), *seat))
        .collect()
}

pub(super) async fn block_seats(
    connection: &mut SqliteConnection,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO blocked_seats (show_id, seat) \
         SELECT unhex(value ->> 0), value ->> 1 FROM json_each($1) WHERE true \
         ON CONFLICT (show_id, seat) DO NOTHING",
        &seat_rows(seats),
    )
    .await
    .map(drop)
}

pub(super) async fn unblock_seats(
    connection: &mut SqliteConnection,
    seats: &[(ShowId, SeatIndex)],
) -> Result<(), StoreError> {
    run(
        connection,
        "DELETE FROM blocked_seats WHERE (show_id, seat) IN \
         (SELECT unhex(value ->> 0), value ->> 1 FROM json_each($1))",
        &seat_rows(seats),
    )
    .await
    .map(drop)
}
