//! Whose event it is, and who may act for its tenant.

use onsale_schemas::{BookingId, EventId, TenantId};
use onsale_store::catalog::{EventRow, EventStatus};

use super::projected;
use crate::auth::{Authority, Caller, Role};
use crate::error::ApiError;
use crate::state::AppState;
use crate::tenants_of_shows::TenantsOfShows;

/// Who manages an event: its organizer, the admins of its tenant, and operators.
const MANAGERS: [Role; 3] = [Role::Organizer, Role::Admin, Role::Operator];

const MANAGERS_ONLY: &str = "Only organizers may do this.";

/// Refuses callers who manage no event.
pub(super) fn managers(caller: &Caller) -> Result<(), ApiError> {
    caller.require(&MANAGERS, MANAGERS_ONLY)
}

/// An event that the caller manages.
pub(super) struct Managed {
    pub(super) row: EventRow,
    pub(super) authority: Authority,
}

/// True when the caller made the event.
pub(super) fn owns(caller: &Caller, event: &EventRow) -> bool {
    event.organizer_id == caller.user && event.tenant_id == caller.tenant.0
}

/// True when the caller may see all of the event: its organizer, the admins of its tenant, and
/// operators.
pub(super) fn sees_all_of(caller: &Caller, event: &EventRow) -> bool {
    match caller.role {
        Role::Admin => caller.scope().holds(event.tenant_id),
        Role::Operator => true,
        Role::Buyer | Role::Organizer | Role::Service | Role::Platform => owns(caller, event),
    }
}

/// The event, when the caller manages it.
pub(super) async fn managed_event(
    state: &AppState,
    caller: &Caller,
    event: EventId,
) -> Result<Managed, ApiError> {
    managers(caller)?;
    let row = state
        .store
        .event(event)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))?;
    let elsewhere = || match row.status {
        EventStatus::Draft => ApiError::not_found("event"),
        EventStatus::Published | EventStatus::Cancelled => {
            ApiError::forbidden("Only the event's organizer may do this.")
        }
    };
    let tenant = TenantId(row.tenant_id);
    let authority = caller.authority_over(tenant, &MANAGERS, MANAGERS_ONLY, elsewhere)?;
    if caller.role == Role::Organizer && !owns(caller, &row) {
        return Err(elsewhere());
    }
    Ok(Managed { row, authority })
}

/// The tenant of a booking's show. `NOT_FOUND` when there is no such booking.
///
/// The database is asked for bookings that are not among the last million of the feed: one look at its
/// primary key, for the staff and services of tenants only, whose calls are limited by rate. That there
/// is none is not remembered: it may be there a moment later, and a payment must not be refused for it.
pub(super) async fn tenant_of_booking(
    state: &AppState,
    booking: BookingId,
) -> Result<TenantId, ApiError> {
    let show = match state.shows_of_bookings.find(booking) {
        Some(show) => show,
        None => {
            projected::booking(state, booking)
                .await?
                .ok_or_else(|| ApiError::not_found("booking"))?
                .show_id
        }
    };
    TenantsOfShows::of(state, show).await
}

/// The right to act on a booking for its tenant. To others there is no such booking.
pub(super) async fn authority_over_booking(
    state: &AppState,
    caller: &Caller,
    booking: BookingId,
    roles: &[Role],
    detail: &'static str,
) -> Result<Authority, ApiError> {
    caller.require(roles, detail)?;
    let tenant = tenant_of_booking(state, booking).await?;
    caller.authority_over(tenant, roles, detail, || ApiError::not_found("booking"))
}
