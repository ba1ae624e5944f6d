//! Whose event it is, and who may act for its tenant.

use onsale_accounts::Action;
use onsale_schemas::{BookingId, EventId, TenantId};
use onsale_store::catalog::{EventRow, EventStatus};

use super::projected;
use crate::auth::{Authority, Caller, Right, Role};
use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::tenants_of_shows::TenantsOfShows;

/// Who manages an event: its organizer, the admins of its tenant, and operators.
const MANAGERS: [Role; 3] = [Role::Organizer, Role::Admin, Role::Operator];

const MANAGERS_ONLY: &str = "Only organizers may do this.";

/// To create and change events and shows.
pub(super) const MANAGE_EVENTS: Right =
    Right::of_members(&MANAGERS, Action::ManageEvents, MANAGERS_ONLY);
/// To close and cancel sales, and to block places.
pub(super) const MANAGE_SALES: Right =
    Right::of_members(&MANAGERS, Action::ManageSales, MANAGERS_ONLY);
/// To list the events of an organizer, drafts included.
pub(super) const READ_SALES: Right =
    Right::of_members(&MANAGERS, Action::ReadSales, "Only organizers have events.");

/// An event that the caller manages.
pub(super) struct Managed {
    pub(super) row: EventRow,
    pub(super) authority: Authority,
}

/// True for an event of an organizer: one that it made or, for one of the team, any of the tenant.
pub(super) fn owns(caller: &Caller, event: &EventRow) -> bool {
    event.tenant_id == caller.tenant.0 && (caller.is_of_team() || event.organizer_id == caller.user)
}

/// True when the caller may see all of the event: its organizer, the members and admins of its tenant,
/// and operators.
pub(super) fn sees_all_of(caller: &Caller, event: &EventRow) -> bool {
    match caller.role {
        Role::Admin => caller.scope().holds(event.tenant_id),
        Role::Operator => true,
        Role::Organizer => {
            let reads = caller.may_for_tenant(Action::ReadSales);
            reads.unwrap_or(true) && owns(caller, event)
        }
        // As a buyer an organizer sees what buyers see; the database shows it no more, either.
        Role::Buyer => false,
        Role::Service | Role::Platform => {
            event.organizer_id == caller.user && event.tenant_id == caller.tenant.0
        }
    }
}

/// The event, when the caller manages it and has `right` to what it asks for.
pub(super) async fn managed_event(
    state: &AppState,
    caller: &Caller,
    event: EventId,
    right: &Right,
) -> Result<Managed, ApiError> {
    caller.permit(right)?;
    let row = state
        .store
        .event(event)
        .await?
        .filter(|row| !row.is_deleted())
        .ok_or_else(|| ApiError::not_found("event"))?;
    let elsewhere = || match row.status {
        EventStatus::Draft => ApiError::not_found("event"),
        EventStatus::Published | EventStatus::Cancelled => {
            ApiError::forbidden("Only the event's organizer may do this.")
        }
    };
    let tenant = TenantId(row.tenant_id);
    let authority = caller.authority_over(tenant, right, elsewhere)?;
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
    right: &Right,
) -> Result<Authority, ApiError> {
    caller.permit(right)?;
    let tenant = tenant_of_booking(state, booking).await?;
    caller.authority_over(tenant, right, || ApiError::not_found("booking"))
}

/// The right of one of the staff to act on a booking: also of an organizer that acts for itself alone, on those of its
/// own events. To others there is no such booking.
pub(super) async fn authority_of_staff(
    state: &AppState,
    caller: &Caller,
    booking: BookingId,
    right: &Right,
) -> Result<Authority, ApiError> {
    if caller.role != Role::Organizer || caller.is_of_team() {
        return authority_over_booking(state, caller, booking, right).await;
    }
    let row = projected::booking(state, booking)
        .await?
        .ok_or_else(|| ApiError::not_found("booking"))?;
    // Other organizers do not learn that the booking exists.
    let managed = managed_event(state, caller, row.event_id, right)
        .await
        .map_err(|error| match error.code() {
            Code::Forbidden | Code::NotFound => ApiError::not_found("booking"),
            _ => error,
        })?;
    Ok(managed.authority)
}
