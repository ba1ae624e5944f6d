//! Reading bookings.

use std::cmp::Reverse;

use onsale_schemas::{BookingId, CodeHash, EventId, PartitionId, RequestId, ShowId, UserId};
use uuid::Uuid;

use super::Store;
use crate::booking::{BookingFilter, BookingRow, BookingStatus, OrderRow, StoredBooking};
use crate::database::{Row, Value, integer};
use crate::error::StoreError;

/// Bookings that a statement passes at most in search of live ones. Most of a partition's have ended.
const PASSED_PER_STATEMENT_MAX: u32 = 50_000;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT partition, booking_offset, booking_id, request_id, event_id, show_id, user_id, zone, \
             seats, quantity, unit_price, currency, status, reserved_at_ms, expires_at_ms, \
             confirmed_at_ms, ended_at_ms, payment_reference, updated_offset, \
             CAST(order_lines AS text) AS order_lines, order_fee, order_fee_tax, order_total, \
             order_tax, order_code FROM bookings WHERE ",
            $rest
        )
    };
}

impl Store {
    /// One booking.
    ///
    /// # Errors
    /// As every read.
    pub async fn booking(&self, id: BookingId) -> Result<Option<BookingRow>, StoreError> {
        let Ok(offset) = i64::try_from(id.offset()) else {
            return Ok(None);
        };
        self.one_booking(
            select!("partition = $1 AND booking_offset = $2"),
            &[id.partition().0.into(), offset.into()],
        )
        .await
    }

    /// The booking that a request made; the latest where a key was used again after it was
    /// forgotten.
    ///
    /// # Errors
    /// As every read.
    pub async fn booking_of_request(
        &self,
        id: RequestId,
    ) -> Result<Option<BookingRow>, StoreError> {
        self.one_booking(
            select!("request_id = $1 ORDER BY reserved_at_ms DESC, booking_id DESC LIMIT 1"),
            &[id.0.into()],
        )
        .await
    }

    /// A user's bookings, newest first by (reserved_at_ms, booking id). A row that was changed by hand so
    /// that it cannot be read is left out: it must not hide the others.
    ///
    /// # Errors
    /// As every read.
    pub async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<BookingRow>, StoreError> {
        // No booking has the highest UUID, so the list's beginning needs no statement of its own.
        let (mut reserved_at_ms, mut id) = match filter.after {
            Some((reserved_at_ms, id)) => (
                i64::try_from(reserved_at_ms).unwrap_or(i64::MAX),
                id.as_uuid(),
            ),
            None => (i64::MAX, Uuid::max()),
        };
        let expires_after_ms = filter
            .expires_after_ms
            .map(|time| i64::try_from(time).unwrap_or(i64::MAX));
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        loop {
            let left = limit.saturating_sub(found.len());
            let rows = self
                .database
                .fetch(
                    select!(
                        "user_id = $1 AND (reserved_at_ms, booking_id) < ($2, $3) \
                         AND ($4 IS NULL OR status = $4) AND ($5 IS NULL OR expires_at_ms > $5) \
                         ORDER BY reserved_at_ms DESC, booking_id DESC LIMIT $6"
                    ),
                    &[
                        filter.user_id.0.into(),
                        reserved_at_ms.into(),
                        id.into(),
                        Value::Text(filter.status.map(BookingStatus::as_str)),
                        expires_after_ms.into(),
                        u32::try_from(left).unwrap_or(u32::MAX).into(),
                    ],
                )
                .await?;
            for row in &rows {
                match booking_row(row) {
                    Ok(booking) => found.push(booking),
                    Err(StoreError::Corrupt(what)) => {
                        let booking = row.uuid("booking_id")?;
                        tracing::error!(%booking, what, "a booking cannot be read");
                    }
                    Err(error) => return Err(error),
                }
            }
            match rows.last() {
                Some(last) if rows.len() == left && found.len() < limit => {
                    reserved_at_ms = last.signed("reserved_at_ms")?;
                    id = last.uuid("booking_id")?;
                }
                _ => return Ok(found),
            }
        }
    }

    /// As [`Store::bookings`], of the filter's user and of `others` in one list.
    ///
    /// # Errors
    /// As every read.
    pub async fn bookings_together(
        &self,
        filter: &BookingFilter,
        others: &[UserId],
    ) -> Result<Vec<BookingRow>, StoreError> {
        let mut found = self.bookings(filter).await?;
        if others.is_empty() {
            return Ok(found);
        }
        for other in others {
            let of_other = BookingFilter {
                user_id: *other,
                ..*filter
            };
            found.extend(self.bookings(&of_other).await?);
        }
        found.sort_by_key(|row| Reverse((row.reserved_at_ms, row.booking_id.as_uuid())));
        found.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Live bookings of a partition after `after` by booking offset, at most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn live_bookings(
        &self,
        partition: PartitionId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let rows = self
            .live_rows_within(partition, after, limit, PASSED_PER_STATEMENT_MAX)
            .await?;
        rows.iter().map(booking_row).collect()
    }

    /// As [`Store::live_bookings`], where rows may have been changed by hand.
    ///
    /// # Errors
    /// As every read.
    pub async fn stored_live_bookings(
        &self,
        partition: PartitionId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StoredBooking>, StoreError> {
        let rows = self
            .live_rows_within(partition, after, limit, PASSED_PER_STATEMENT_MAX)
            .await?;
        rows.iter().map(stored_booking).collect()
    }

    /// All bookings of a partition after `after` by booking offset, at most `limit`; rows may have been
    /// changed by hand.
    ///
    /// # Errors
    /// As every read.
    pub async fn stored_bookings(
        &self,
        partition: PartitionId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StoredBooking>, StoreError> {
        let after = after.map_or(-1, |offset| i64::try_from(offset).unwrap_or(i64::MAX));
        let rows = self
            .database
            .fetch(
                select!("partition = $1 AND booking_offset > $2 ORDER BY booking_offset LIMIT $3"),
                &[partition.0.into(), after.into(), limit.into()],
            )
            .await?;
        rows.iter().map(stored_booking).collect()
    }

    /// One booking, where its row may have been changed by hand.
    ///
    /// # Errors
    /// As every read.
    pub async fn stored_booking(&self, id: BookingId) -> Result<Option<StoredBooking>, StoreError> {
        let Ok(offset) = i64::try_from(id.offset()) else {
            return Ok(None);
        };
        self.database
            .fetch_optional(
                select!("partition = $1 AND booking_offset = $2"),
                &[id.partition().0.into(), offset.into()],
            )
            .await?
            .map(|row| stored_booking(&row))
            .transpose()
    }

    /// In steps of `passed_max` bookings, live or not: no statement takes longer the more have ended.
    async fn live_rows_within(
        &self,
        partition: PartitionId,
        after: Option<u64>,
        limit: u32,
        passed_max: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let mut after = after.map_or(-1, |offset| i64::try_from(offset).unwrap_or(i64::MAX));
        let mut found = Vec::new();
        loop {
            let left = u64::from(limit).saturating_sub(found.len() as u64);
            let last = self.last_of_step(partition, after, passed_max).await?;
            let (Some(last), 1..) = (last, left) else {
                return Ok(found);
            };
            let live = self
                .database
                .fetch(
                    select!(
                        "partition = $1 AND booking_offset > $2 AND booking_offset <= $3 \
                         AND status IN ('reserved', 'confirmed') ORDER BY booking_offset LIMIT $4"
                    ),
                    &[
                        partition.0.into(),
                        after.into(),
                        last.into(),
                        integer("limit", left)?.into(),
                    ],
                )
                .await?;
            found.extend(live);
            after = last;
        }
    }

    /// The offset of the last of the next `passed_max` bookings, by the primary key alone.
    async fn last_of_step(
        &self,
        partition: PartitionId,
        after: i64,
        passed_max: u32,
    ) -> Result<Option<i64>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT MAX(booking_offset) AS last FROM (SELECT booking_offset FROM bookings \
                 WHERE partition = $1 AND booking_offset > $2 ORDER BY booking_offset LIMIT $3) \
                 AS step",
                &[partition.0.into(), after.into(), passed_max.into()],
            )
            .await?
            .map_or(Ok(None), |row| row.number_or_null("last"))
    }

    /// Bookings of an event, newest first by their place in the log. A row that was changed by hand so that it
    /// cannot be read is left out: it must not hide the others.
    ///
    /// # Errors
    /// As every read.
    pub async fn orders(
        &self,
        filter: &crate::catalog::OrderFilter,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let before = filter.before_offset();
        let rows = self
            .database
            .fetch(
                select!(
                    "show_id IN (SELECT show_id FROM shows WHERE event_id = $1) \
                     AND booking_offset < $2 AND ($3 IS NULL OR show_id = $3) \
                     AND ($4 IS NULL OR status = $4) AND ($5 IS NULL OR user_id = $5) \
                     ORDER BY booking_offset DESC LIMIT $6"
                ),
                &[
                    filter.event_id.0.into(),
                    before.into(),
                    filter.show_id.map(|show| show.0).into(),
                    Value::Text(filter.status.map(BookingStatus::as_str)),
                    filter.user_id.map(|user| user.0).into(),
                    filter.limit.into(),
                ],
            )
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            match booking_row(row) {
                Ok(booking) => found.push(booking),
                Err(StoreError::Corrupt(what)) => {
                    let booking = row.uuid("booking_id")?;
                    tracing::error!(%booking, what, "a booking cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn one_booking(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<BookingRow>, StoreError> {
        self.database
            .fetch_optional(sql, values)
            .await?
            .map(|row| booking_row(&row))
            .transpose()
    }
}

/// A row that says what no projection writes is kept apart from a database that does not answer.
fn stored_booking(row: &Row) -> Result<StoredBooking, StoreError> {
    let booking_id = BookingId::new(
        PartitionId(row.number("partition")?),
        row.number("booking_offset")?,
    );
    let stands = match booking_row(row) {
        Ok(_) if row.uuid("booking_id")? != booking_id.as_uuid() => {
            Err("booking_id is not that of partition and offset".to_owned())
        }
        Ok(stands) => Ok(stands),
        Err(StoreError::Corrupt(what)) => Err(what),
        Err(error) => return Err(error),
    };
    Ok(StoredBooking {
        booking_id,
        row: stands,
    })
}

fn booking_row(row: &Row) -> Result<BookingRow, StoreError> {
    Ok(BookingRow {
        booking_id: BookingId::new(
            PartitionId(row.number("partition")?),
            row.number("booking_offset")?,
        ),
        request_id: row.uuid_or_null("request_id")?.map(RequestId),
        event_id: EventId(row.uuid("event_id")?),
        show_id: ShowId(row.uuid("show_id")?),
        user_id: UserId(row.uuid("user_id")?),
        zone: row.number("zone")?,
        seats: row.seats("seats")?,
        quantity: row.number("quantity")?,
        unit_price: row.signed("unit_price")?,
        currency: row.text("currency")?,
        status: row.word("status", BookingStatus::parse)?,
        reserved_at_ms: row.number("reserved_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
        confirmed_at_ms: row.number_or_null("confirmed_at_ms")?,
        ended_at_ms: row.number_or_null("ended_at_ms")?,
        payment_reference: row.text_or_null("payment_reference")?,
        updated_offset: row.number("updated_offset")?,
        order: order_row(row)?,
    })
}

fn order_row(row: &Row) -> Result<Option<OrderRow>, StoreError> {
    let Some(lines) = row.text_or_null("order_lines")? else {
        return Ok(None);
    };
    Ok(Some(OrderRow {
        lines: OrderRow::lines_of(&lines)?,
        order_fee: row.signed("order_fee")?,
        order_fee_tax: row.signed("order_fee_tax")?,
        total: row.signed("order_total")?,
        tax: row.signed("order_tax")?,
        code: row.uuid_or_null("order_code")?.map(CodeHash),
    }))
}
