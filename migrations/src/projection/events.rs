//! Writes what became of an event, in an open transaction.

use onsale_schemas::{EventId, RequestId};

use super::plan::{Cancellation, EventStep};
use crate::catalog::{EventChange, EventStatus};
use crate::database::{Transaction, integer};
use crate::error::StoreError;
use crate::store::events::{lock_event, replace};

/// Its limit per user, and what else the request was to change.
pub(super) async fn amend(
    transaction: &mut Transaction,
    step: &EventStep,
) -> Result<(), StoreError> {
    change(transaction, step, None).await
}

/// Cancels the event, its shows and everything live of them.
pub(super) async fn cancel(
    transaction: &mut Transaction,
    cancelled: &Cancellation,
) -> Result<(), StoreError> {
    let id = cancelled.step.event.0;
    change(transaction, &cancelled.step, Some(EventStatus::Cancelled)).await?;
    transaction
        .execute(
            "UPDATE bookings SET status = 'cancelled', ended_at_ms = $2, updated_offset = $3 \
             WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1) \
             AND status IN ('reserved', 'confirmed')",
            &[
                id.into(),
                integer("log_time_ms", cancelled.at_ms)?.into(),
                integer("offset", cancelled.offset)?.into(),
            ],
        )
        .await?;
    transaction
        .execute(
            "DELETE FROM booking_seats \
             WHERE show_id IN (SELECT show_id FROM shows WHERE event_id = $1)",
            &[id.into()],
        )
        .await?;
    transaction
        .execute(
            "UPDATE shows SET status = 'cancelled' WHERE event_id = $1",
            &[id.into()],
        )
        .await
        .map(drop)
}

/// Changes the row of an event; one that the catalog does not have is left alone.
async fn change(
    transaction: &mut Transaction,
    step: &EventStep,
    status: Option<EventStatus>,
) -> Result<(), StoreError> {
    let proposed = match step.request {
        Some(request) => proposed(transaction, request, step.event).await?,
        None => None,
    };
    if let Some(mut event) = lock_event(transaction, step.event).await? {
        if let Some(change) = &proposed {
            change.apply_to(&mut event);
        }
        if let Some(limit) = step.max_tickets_per_user {
            event.max_tickets_per_user = limit;
        }
        if let Some(status) = status {
            event.status = status;
        }
        replace(transaction, &event).await?;
    }
    match step.request {
        Some(request) if proposed.is_some() => settle(transaction, request).await,
        _ => Ok(()),
    }
}

/// What the request was to change beside what the log decides; `None` for one that never wrote it
/// down.
async fn proposed(
    transaction: &mut Transaction,
    request: RequestId,
    event: EventId,
) -> Result<Option<EventChange>, StoreError> {
    let row = transaction
        .fetch_optional(
            "SELECT change FROM event_changes WHERE request_id = $1 AND event_id = $2",
            &[request.0.into(), event.0.into()],
        )
        .await?;
    row.map(|row| {
        serde_json::from_str(&row.text("change")?).map_err(|error| {
            StoreError::Corrupt(format!(
                "event_changes.change of request {request}: {error}"
            ))
        })
    })
    .transpose()
}

/// The change has come to its end.
pub(super) async fn settle(
    transaction: &mut Transaction,
    request: RequestId,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM event_changes WHERE request_id = $1",
            &[request.0.into()],
        )
        .await
        .map(drop)
}
