//! Events and shows that are taken out of the catalog. The log knows of them for ever, and what is restored from it
//! would bring them back: so their rows stay, marked.

use onsale_schemas::{EventId, ShowId};

use super::Store;
use super::edits::locked;
use super::events::replace;
use super::pictures;
use crate::audit::Audit;
use crate::catalog::{Deletion, EventStatus, ShowStatus};
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;

impl Store {
    /// Deletes an event of which nothing was sold and nothing is on sale: a draft, or one whose shows are all
    /// cancelled, as those of a cancelled event are. One that was public becomes a draft as well, so that programs of
    /// the version before show it to nobody else. Its name in addresses stays its own; its
    /// picture is deleted.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`], and as every write.
    pub async fn delete_event(
        &self,
        id: EventId,
        now_ms: u64,
        expected_version: Option<u64>,
        audit: impl Into<Audit>,
    ) -> Result<Deletion, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // No show is added to it meanwhile: that needs the same lock.
                let Some(event) = locked(&mut transaction, id, expected_version).await? else {
                    return Ok(Deletion::Missing);
                };
                let mut row = event.row;
                if row.status != EventStatus::Cancelled
                    && has_live_show(&mut transaction, id).await?
                {
                    return Ok(Deletion::OnSale);
                }
                if was_sold(
                    &mut transaction,
                    "SELECT b.booking_offset FROM shows AS s JOIN bookings AS b \
                     ON b.show_id = s.show_id WHERE s.event_id = $1 \
                     AND b.confirmed_at_ms IS NOT NULL LIMIT 1",
                    id.0.into(),
                )
                .await?
                {
                    return Ok(Deletion::Sold);
                }
                row.details.deleted_at_ms = Some(now_ms);
                if row.status == EventStatus::Published {
                    row.status = EventStatus::Draft;
                }
                let picture = row.details.picture.take();
                replace(&mut transaction, &row).await?;
                if let Some(picture) = &picture {
                    pictures::let_go(&mut transaction, picture).await?;
                }
                transaction.commit(audit).await?;
                Ok(Deletion::Done)
            })
            .await
    }

    /// Takes a cancelled show of which nothing was sold out of every list. Where its event is cancelled, all its
    /// shows are.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove_show(
        &self,
        event: EventId,
        show: ShowId,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Deletion, StoreError> {
        let audit = audit.into();
        let now = integer("removed_at_ms", now_ms)?;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // In this order everywhere: event, then show.
                let Some(event) = locked(&mut transaction, event, None).await? else {
                    return Ok(Deletion::Missing);
                };
                let found = transaction
                    .fetch_optional(
                        "SELECT status FROM shows WHERE show_id = $1 AND event_id = $2 \
                         AND removed_at_ms IS NULL",
                        &[show.0.into(), event.row.event_id.0.into()],
                    )
                    .await?;
                let Some(found) = found else {
                    return Ok(Deletion::Missing);
                };
                // Nothing undoes a cancellation, so nothing of it is sold from here on.
                let is_cancelled = event.row.status == EventStatus::Cancelled
                    || found.word("status", ShowStatus::parse)? == ShowStatus::Cancelled;
                if !is_cancelled {
                    return Ok(Deletion::OnSale);
                }
                if was_sold(
                    &mut transaction,
                    "SELECT booking_offset FROM bookings WHERE show_id = $1 \
                     AND confirmed_at_ms IS NOT NULL LIMIT 1",
                    show.0.into(),
                )
                .await?
                {
                    return Ok(Deletion::Sold);
                }
                transaction
                    .execute(
                        "UPDATE shows SET removed_at_ms = $2 WHERE show_id = $1",
                        &[show.0.into(), now.into()],
                    )
                    .await?;
                transaction.commit(audit).await?;
                Ok(Deletion::Done)
            })
            .await
    }

    /// Whether a show was taken out of every list.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_show_removed(&self, show: ShowId) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT show_id FROM shows WHERE show_id = $1 AND removed_at_ms IS NOT NULL",
                &[show.0.into()],
            )
            .await?;
        Ok(found.is_some())
    }
}

async fn has_live_show(transaction: &mut Transaction, id: EventId) -> Result<bool, StoreError> {
    let live = transaction
        .fetch_optional(
            "SELECT show_id FROM shows WHERE event_id = $1 AND status <> 'cancelled' LIMIT 1",
            &[id.0.into()],
        )
        .await?;
    Ok(live.is_some())
}

/// Whether a statement finds a booking that was ever confirmed.
async fn was_sold(
    transaction: &mut Transaction,
    sql: &'static str,
    id: Value<'_>,
) -> Result<bool, StoreError> {
    Ok(transaction.fetch_optional(sql, &[id]).await?.is_some())
}
