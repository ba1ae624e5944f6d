//! The bookings of an event, for its organizer.

use onsale_private::LookupHash;
use onsale_schemas::{BookingId, PartitionId, UserId};

use super::Store;
use super::bookings::booking_row;
use crate::booking::{BookingRow, BookingStatus};
use crate::catalog::OrderFilter;
use crate::database::Value;
use crate::error::StoreError;

/// Buyers of one address that are looked at: its account, and as many of its purchases as a guest.
pub const BUYERS_PER_ADDRESS_MAX: u32 = 200;

impl Store {
    /// Bookings of an event, newest first by their place in the log. A row that was changed by hand so that it
    /// cannot be read is left out: it must not hide the others.
    ///
    /// # Errors
    /// As every read.
    pub async fn orders(&self, filter: &OrderFilter) -> Result<Vec<BookingRow>, StoreError> {
        let before = filter.before.map_or(i64::MAX, |id| {
            i64::try_from(id.offset()).unwrap_or(i64::MAX)
        });
        let rows = self
            .database
            .fetch(
                "SELECT partition, booking_offset, booking_id, request_id, event_id, show_id, \
                 user_id, zone, seats, quantity, unit_price, currency, status, reserved_at_ms, \
                 expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, updated_offset \
                 FROM bookings WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1) \
                 AND booking_offset < $2 AND ($3 IS NULL OR show_id = $3) \
                 AND ($4 IS NULL OR status = $4) AND ($5 IS NULL OR user_id = $5) \
                 ORDER BY booking_offset DESC LIMIT $6",
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

    /// When each confirmed booking of an event was confirmed, as [`Store::orders`].
    ///
    /// # Errors
    /// As every read.
    pub async fn confirmed_orders(
        &self,
        filter: &OrderFilter,
    ) -> Result<Vec<(BookingId, u64)>, StoreError> {
        let before = filter.before.map_or(i64::MAX, |id| {
            i64::try_from(id.offset()).unwrap_or(i64::MAX)
        });
        let rows = self
            .database
            .fetch(
                "SELECT partition, booking_offset, confirmed_at_ms FROM bookings \
                 WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1) \
                 AND booking_offset < $2 AND ($3 IS NULL OR show_id = $3) \
                 AND status = 'confirmed' ORDER BY booking_offset DESC LIMIT $4",
                &[
                    filter.event_id.0.into(),
                    before.into(),
                    filter.show_id.map(|show| show.0).into(),
                    filter.limit.into(),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let booking = BookingId::new(
                    PartitionId(row.number("partition")?),
                    row.number("booking_offset")?,
                );
                Ok((booking, row.number("confirmed_at_ms")?))
            })
            .collect()
    }

    /// Who buys with an address: its account, and its purchases as a guest, the latest of at most
    /// [`BUYERS_PER_ADDRESS_MAX`].
    ///
    /// # Errors
    /// As every read.
    pub async fn buyers_by_email(&self, hash: &LookupHash) -> Result<Vec<UserId>, StoreError> {
        let mut buyers = Vec::new();
        for sql in [
            "SELECT user_id AS buyer FROM users WHERE email_hash = $1 LIMIT $2",
            "SELECT guest_id AS buyer FROM guests WHERE email_hash = $1 \
             ORDER BY created_at_ms DESC LIMIT $2",
        ] {
            let values = [hash.into(), BUYERS_PER_ADDRESS_MAX.into()];
            for row in self.database.fetch(sql, &values).await? {
                buyers.push(UserId(row.uuid("buyer")?));
            }
        }
        Ok(buyers)
    }
}
