//! Whose event it is.

use onsale_schemas::EventId;
use onsale_store::catalog::{EventRow, EventStatus};

use crate::auth::{Caller, Role};
use crate::error::ApiError;
use crate::state::AppState;

/// True when the caller made the event.
pub(super) fn owns(caller: &Caller, event: &EventRow) -> bool {
    event.organizer_id == caller.user && event.tenant_id == caller.tenant
}

/// The event, when the caller is its organizer or an admin.
pub(super) async fn managed_event(
    state: &AppState,
    caller: &Caller,
    event: EventId,
) -> Result<EventRow, ApiError> {
    caller.require(
        &[Role::Organizer, Role::Admin],
        "Only organizers may do this.",
    )?;
    let row = state
        .store
        .event(event)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))?;
    if caller.role == Role::Admin || owns(caller, &row) {
        Ok(row)
    } else if row.status == EventStatus::Draft {
        Err(ApiError::not_found("event"))
    } else {
        Err(ApiError::forbidden(
            "Only the event's organizer may do this.",
        ))
    }
}
