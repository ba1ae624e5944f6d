//! The bookings of an event, for its organizer.

use onsale_private::LookupHash;
use onsale_schemas::{BookingId, PartitionId, UserId};

use super::Store;
use crate::catalog::OrderFilter;
use crate::error::StoreError;

/// Buyers of one address that are looked at: its account, and as many of its purchases as a guest.
pub const BUYERS_PER_ADDRESS_MAX: u32 = 200;

impl Store {
    /// When each confirmed booking of an event was confirmed, newest first
    /// by their place in the log.
    ///
    /// # Errors
    /// As every read.
    pub async fn confirmed_orders(
        &self,
        filter: &OrderFilter,
    ) -> Result<Vec<(BookingId, u64)>, StoreError> {
        let before = filter.before_offset();
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
