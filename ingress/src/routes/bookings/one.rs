//! `GET /bookings/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_schemas::BookingId;
use onsale_store::booking::BookingRow;

use super::body::BookingBody;
use crate::auth::{Caller, Right, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, parse_booking};
use crate::routes::{managers, ownership, projected};
use crate::state::AppState;

/// One booking.
///
/// Never older than what the caller or the buyer has been answered: a booking is readable as soon as its
/// 201 was sent, and confirmed as soon as the payment service has its 200.
#[utoipa::path(
    get, path = "/api/v1/bookings/{id}", operation_id = "get_booking", tag = "bookings",
    params(("id" = Uuid, Path, description = "The booking")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The booking", body = Success<BookingBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 503, description = "`OVERLOADED`: the database is behind", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let booking = parse_booking(id, state.log.partitions())?;
    let row = readable(&state, &caller, booking).await?;
    let body = BookingBody::of(&state, row).await?;
    envelope::success(&context, StatusCode::OK, &body)
}

/// To read the bookings of others.
const READ_BOOKINGS: Right = Right::of_members(
    &[
        Role::Organizer,
        Role::Admin,
        Role::Service,
        Role::Operator,
        Role::Platform,
    ],
    Action::ReadBookings,
    "Bookings are read by their buyer and by the staff of their tenant.",
);

/// A booking that the caller may read; nothing is said of others, not even that they exist.
pub(super) async fn readable(
    state: &AppState,
    caller: &Caller,
    booking: BookingId,
) -> Result<BookingRow, ApiError> {
    let nothing = || ApiError::not_found("booking");
    if caller.role != Role::Buyer {
        caller.permit(&READ_BOOKINGS)?;
    }
    projected::wait_for_user(state, caller.user, booking.partition()).await?;
    let row = projected::booking(state, booking)
        .await?
        .ok_or_else(nothing)?;
    let allowed = match caller.role {
        Role::Buyer => ownership::is_of(state, caller.user, row.user_id).await?,
        Role::Organizer | Role::Admin | Role::Service | Role::Operator | Role::Platform => state
            .store
            .event_within(caller.scope(), row.event_id)
            .await?
            .is_some_and(|event| caller.role != Role::Organizer || managers::owns(caller, &event)),
    };
    if !allowed {
        return Err(nothing());
    }
    if row.user_id == caller.user {
        return Ok(row);
    }
    // Another process may have answered the staff; the booking's owner is what it can be found by.
    projected::wait_for_user(state, row.user_id, booking.partition()).await?;
    projected::booking(state, booking)
        .await?
        .ok_or_else(nothing)
}
