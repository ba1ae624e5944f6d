//! What reconciliation compares of offers and of the orders that quotes count, and how it repairs them.

use onsale_schemas::offer::Offer;
use onsale_schemas::{CodeHash, Offset, ShowId};

use super::{Store, offers};
use crate::audit::Audit;
use crate::database::Durability;
use crate::error::StoreError;

impl Store {
    /// Puts the offer that the log has of a show in force, with the names that the catalog has for what is in it;
    /// the log has done so before the record at `amended`. False when there is no such show.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_offer(
        &self,
        show: ShowId,
        offer: &Offer,
        amended: Offset,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (offer, audit) = (offer.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !offers::put_in_force_by_numbers(&mut transaction, show, &offer, amended).await?
                {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// How many live bookings of a show carry which code, ascending by code, as they are counted for quotes.
    ///
    /// # Errors
    /// As every read.
    pub async fn code_counts(&self, show: ShowId) -> Result<Vec<(CodeHash, u64)>, StoreError> {
        self.database
            .fetch(
                "SELECT code, COUNT(*) AS uses FROM order_codes WHERE show_id = $1 \
                 GROUP BY code ORDER BY code",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| Ok((CodeHash(row.uuid("code")?), row.number("uses")?)))
            .collect()
    }

    /// Counts anew what quotes ask of a show's orders: places by price phase and uses of codes.
    ///
    /// # Errors
    /// As every write.
    pub async fn recount_orders(
        &self,
        show: ShowId,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                for sql in [
                    "DELETE FROM order_phases WHERE show_id = $1",
                    "DELETE FROM order_codes WHERE show_id = $1",
                    "DELETE FROM phase_places WHERE show_id = $1",
                    "DELETE FROM code_uses WHERE show_id = $1",
                    // The triggers of migrations 0028 and 0037 count.
                    "UPDATE bookings SET order_lines = order_lines WHERE show_id = $1 \
                     AND order_lines IS NOT NULL AND status IN ('reserved', 'confirmed')",
                ] {
                    transaction.execute(sql, &[show.0.into()]).await?;
                }
                transaction.commit(audit).await
            })
            .await
    }

    /// Deletes what is counted of orders, as by hand: for tests.
    ///
    /// # Errors
    /// As every write.
    #[cfg(feature = "testing")]
    pub async fn lose_order_counts(&self) -> Result<(), StoreError> {
        for sql in ["DELETE FROM order_phases", "DELETE FROM order_codes"] {
            self.database
                .execute_unaudited(Durability::Durable, sql, &[])
                .await?;
        }
        Ok(())
    }
}
