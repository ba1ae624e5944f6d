//! Bulk statements on SQLite. What every sale writes has a parameter for each value (see [`rows`]);
//! the rest goes by `json_each`, one JSON text with an array per row and ids as hexadecimal.

mod rows;

use std::sync::LazyLock;

use onsale_schemas::{PartitionId, SeatIndex, ShowId};
use serde::{Serialize, Serializer};
use sqlx::SqliteConnection;
use uuid::Uuid;

use self::rows::{ManyRows, Statement};
use super::super::plan::BookingChange;
use super::super::trail::DecidedRow;
use super::{HeldSeat, OnKnown, SeatHolder};
use crate::audit::chain::Lane;
use crate::booking::{BookingRow, OrderRow};
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
    static INSERT: LazyLock<ManyRows> = LazyLock::new(|| {
        let before = "INSERT INTO booking_seats (show_id, seat, partition, booking_offset) VALUES";
        ManyRows::new(before, 4, "")
    });
    let result = INSERT
        .run(&mut *connection, holders, |statement, holder| {
            Ok(statement
                .bind(holder.show.0)
                .bind(holder.seat)
                .bind(holder.partition.0)
                .bind(integer("offset", holder.booking)?))
        })
        .await;
    match result {
        Err(error) if is_unique_violation(&error) => Err(StoreError::DoubleSale(
            held_seat(connection, &holder_rows(holders)?)
                .await?
                .map_or_else(|| error.to_string(), |held| held.to_string()),
        )),
        other => other.map(drop),
    }
}

/// One of these seats that another booking holds. SQLite names only the columns of a violated key; a
/// failed statement leaves its transaction open, so it can be asked.
async fn held_seat(
    connection: &mut SqliteConnection,
    rows: &impl Serialize,
) -> Result<Option<HeldSeat>, StoreError> {
    let found: Option<(Uuid, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT s.show_id, s.seat, s.booking_offset, s.partition, n.value ->> 3, n.value ->> 2 \
         FROM json_each($1) AS n JOIN booking_seats AS s \
             ON s.show_id = unhex(n.value ->> 0) AND s.seat = n.value ->> 1 \
         WHERE (s.partition, s.booking_offset) <> (n.value ->> 2, n.value ->> 3) LIMIT 1",
    )
    .bind(json(rows)?)
    .fetch_optional(connection)
    .await
    .map_err(classify)?;
    Ok(found.map(
        |(show, seat, holder, holder_partition, booking, partition)| HeldSeat {
            show,
            seat,
            holder: (holder, holder_partition),
            booking: (booking, partition),
        },
    ))
}

pub(super) async fn change_bookings(
    connection: &mut SqliteConnection,
    partition: PartitionId,
    changes: &[BookingChange],
) -> Result<u64, StoreError> {
    static UPDATE: LazyLock<ManyRows> = LazyLock::new(|| {
        ManyRows::new(
            "WITH c (partition, booking_offset, status, expires_at_ms, confirmed_at_ms, \
                 payment_reference, ended_at_ms, updated_offset, seats, quantity, order_lines, \
                 order_fee, order_fee_tax, order_total, order_tax) AS (VALUES",
            15,
            ") UPDATE bookings AS b SET status = c.status, \
                 expires_at_ms = COALESCE(c.expires_at_ms, b.expires_at_ms), \
                 confirmed_at_ms = COALESCE(c.confirmed_at_ms, b.confirmed_at_ms), \
                 payment_reference = COALESCE(c.payment_reference, b.payment_reference), \
                 ended_at_ms = c.ended_at_ms, updated_offset = c.updated_offset, \
                 seats = COALESCE(c.seats, b.seats), quantity = COALESCE(c.quantity, b.quantity), \
                 order_lines = CASE WHEN b.order_lines IS NOT NULL \
                     THEN COALESCE(c.order_lines, b.order_lines) END, \
                 order_fee = CASE WHEN b.order_lines IS NOT NULL \
                     THEN COALESCE(c.order_fee, b.order_fee) END, \
                 order_fee_tax = CASE WHEN b.order_lines IS NOT NULL \
                     THEN COALESCE(c.order_fee_tax, b.order_fee_tax) END, \
                 order_total = CASE WHEN b.order_lines IS NOT NULL \
                     THEN COALESCE(c.order_total, b.order_total) END, \
                 order_tax = CASE WHEN b.order_lines IS NOT NULL \
                     THEN COALESCE(c.order_tax, b.order_tax) END \
             FROM c WHERE b.partition = c.partition AND b.booking_offset = c.booking_offset",
        )
    });
    UPDATE
        .run(connection, changes, |statement, change| {
            let left = change.left.as_ref();
            let order = left.map(|left| &left.order);
            Ok(statement
                .bind(partition.0)
                .bind(integer("offset", change.booking)?)
                .bind(change.status.as_str())
                .bind(optional("expires_at_ms", change.expires_at_ms)?)
                .bind(optional("confirmed_at_ms", change.confirmed_at_ms)?)
                .bind(change.payment_reference.clone())
                .bind(optional("ended_at_ms", change.ended_at_ms)?)
                .bind(integer("offset", change.updated_offset)?)
                .bind(left.map(|left| json(&left.seats)).transpose()?)
                .bind(left.map(|left| left.quantity))
                .bind(order.map(OrderRow::lines_text).transpose()?)
                .bind(order.map(|order| order.order_fee))
                .bind(order.map(|order| order.order_fee_tax))
                .bind(order.map(|order| order.total))
                .bind(order.map(|order| order.tax)))
        })
        .await
}

fn optional(what: &str, number: Option<u64>) -> Result<Option<i64>, StoreError> {
    number.map(|number| integer(what, number)).transpose()
}

/// Columns of `bookings` in the order in which [`bind_booking`] binds them.
const BOOKING_COLUMNS: [&str; 25] = [
    "partition",
    "booking_offset",
    "booking_id",
    "request_id",
    "event_id",
    "show_id",
    "user_id",
    "zone",
    "seats",
    "quantity",
    "unit_price",
    "currency",
    "status",
    "reserved_at_ms",
    "expires_at_ms",
    "confirmed_at_ms",
    "ended_at_ms",
    "payment_reference",
    "updated_offset",
    "order_lines",
    "order_fee",
    "order_fee_tax",
    "order_total",
    "order_tax",
    "order_code",
];

fn insert(on_known: OnKnown) -> ManyRows {
    let columns = BOOKING_COLUMNS.join(", ");
    let before = format!("INSERT INTO bookings ({columns}) VALUES");
    let after = match on_known {
        OnKnown::Refuse => String::new(),
        OnKnown::Replace => {
            // Without the key, which comes first.
            let [_, _, others @ ..] = BOOKING_COLUMNS;
            let set = others.map(|column| format!("{column} = excluded.{column}"));
            let set = set.join(", ");
            format!("ON CONFLICT (partition, booking_offset) DO UPDATE SET {set}")
        }
    };
    ManyRows::new(&before, BOOKING_COLUMNS.len(), &after)
}

fn bind_booking<'q>(
    statement: Statement<'q>,
    row: &BookingRow,
) -> Result<Statement<'q>, StoreError> {
    let order = row.order.as_ref();
    Ok(statement
        .bind(row.booking_id.partition().0)
        .bind(integer("offset", row.booking_id.offset())?)
        .bind(row.booking_id.as_uuid())
        .bind(row.request_id.map(|id| id.0))
        .bind(row.event_id.0)
        .bind(row.show_id.0)
        .bind(row.user_id.0)
        .bind(row.zone)
        .bind(json(&row.seats)?)
        .bind(row.quantity)
        .bind(row.unit_price)
        .bind(row.currency.clone())
        .bind(row.status.as_str())
        .bind(integer("reserved_at_ms", row.reserved_at_ms)?)
        .bind(integer("expires_at_ms", row.expires_at_ms)?)
        .bind(optional("confirmed_at_ms", row.confirmed_at_ms)?)
        .bind(optional("ended_at_ms", row.ended_at_ms)?)
        .bind(row.payment_reference.clone())
        .bind(integer("offset", row.updated_offset)?)
        .bind(order.map(OrderRow::lines_text).transpose()?)
        .bind(order.map(|order| order.order_fee))
        .bind(order.map(|order| order.order_fee_tax))
        .bind(order.map(|order| order.total))
        .bind(order.map(|order| order.tax))
        .bind(order.and_then(|order| order.code).map(|code| code.0)))
}

pub(super) async fn insert_bookings(
    connection: &mut SqliteConnection,
    rows: &[&BookingRow],
    on_known: OnKnown,
) -> Result<(), StoreError> {
    static REFUSE: LazyLock<ManyRows> = LazyLock::new(|| insert(OnKnown::Refuse));
    static REPLACE: LazyLock<ManyRows> = LazyLock::new(|| insert(OnKnown::Replace));
    let statement = match on_known {
        OnKnown::Refuse => &REFUSE,
        OnKnown::Replace => &REPLACE,
    };
    statement
        .run(connection, rows, |statement, row| {
            bind_booking(statement, row)
        })
        .await
        .map(drop)
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

pub(super) async fn insert_decided(
    connection: &mut SqliteConnection,
    rows: &[DecidedRow],
    lane: Lane,
) -> Result<(), StoreError> {
    static INSERT: LazyLock<ManyRows> = LazyLock::new(|| {
        ManyRows::new(
            "INSERT INTO audit (audit_id, at_ms, actor_id, actor_role, actor_tenant_id, \
                 request_id, action, subject_kind, subject_id, tenant_id, detail, lane) VALUES",
            12,
            "",
        )
    });
    INSERT
        .run(connection, rows, |statement, row| {
            Ok(statement
                .bind(row.audit_id)
                .bind(row.at_ms)
                .bind(row.actor_id)
                .bind(row.actor_role)
                .bind(row.actor_tenant_id)
                .bind(row.request_id.clone())
                .bind(row.action)
                .bind(row.subject_kind)
                .bind(row.subject_id.clone())
                .bind(row.tenant_id)
                .bind(row.detail.clone())
                .bind(lane.0))
        })
        .await
        .map(drop)
}
