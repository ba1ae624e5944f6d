//! Reading bookings.

use onsale_schemas::{BookingId, EventId, PartitionId, RequestId, ShowId, UserId};
use uuid::Uuid;

use super::Store;
use crate::booking::{BookingFilter, BookingRow, BookingStatus};
use crate::database::{Row, Value};
use crate::error::StoreError;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT partition, booking_offset, request_id, event_id, show_id, user_id, zone, \
             seats, quantity, unit_price, currency, status, reserved_at_ms, expires_at_ms, \
             confirmed_at_ms, ended_at_ms, payment_reference, updated_offset FROM bookings WHERE ",
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

    /// A user's bookings, newest first by (reserved_at_ms, booking id).
    ///
    /// # Errors
    /// As every read.
    pub async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<BookingRow>, StoreError> {
        // No booking has the highest UUID, so the list's beginning needs no statement of its own.
        let (reserved_at_ms, id) = match filter.after {
            Some((reserved_at_ms, id)) => (
                i64::try_from(reserved_at_ms).unwrap_or(i64::MAX),
                id.as_uuid(),
            ),
            None => (i64::MAX, Uuid::max()),
        };
        let expires_after_ms = filter
            .expires_after_ms
            .map(|time| i64::try_from(time).unwrap_or(i64::MAX));
        self.list_bookings(
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
                filter.limit.into(),
            ],
        )
        .await
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
        let after = after.map_or(-1, |offset| i64::try_from(offset).unwrap_or(i64::MAX));
        self.list_bookings(
            select!(
                "partition = $1 AND booking_offset > $2 AND status IN ('reserved', 'confirmed') \
                 ORDER BY booking_offset LIMIT $3"
            ),
            &[partition.0.into(), after.into(), limit.into()],
        )
        .await
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

    async fn list_bookings(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<BookingRow>, StoreError> {
        self.database
            .fetch(sql, values)
            .await?
            .iter()
            .map(booking_row)
            .collect()
    }
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
    })
}
