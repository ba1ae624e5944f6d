//! Writes what became of an event, in an open transaction.

use super::changes;
use super::plan::EventStep;
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

/// Cancels its row. Its shows are no part of it.
pub(super) async fn cancel(
    transaction: &mut Transaction,
    step: &EventStep,
) -> Result<(), StoreError> {
    change(transaction, step, Some(EventStatus::Cancelled)).await
}

/// Changes the row of an event; one that the catalog does not have is left alone.
async fn change(
    transaction: &mut Transaction,
    step: &EventStep,
    status: Option<EventStatus>,
) -> Result<(), StoreError> {
    let proposed: Option<EventChange> = match step.request {
        Some(request) => {
            changes::OF_EVENTS
                .proposed(transaction, request, step.event.0)
                .await?
        }
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
        transaction
            .execute(
                "UPDATE events SET amended_offset = $2 WHERE event_id = $1",
                &[step.event.0.into(), integer("offset", step.offset)?.into()],
            )
            .await?;
    }
    match step.request {
        Some(request) if proposed.is_some() => {
            changes::OF_EVENTS.settle(transaction, request).await
        }
        _ => Ok(()),
    }
}
