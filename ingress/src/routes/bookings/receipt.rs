//! `GET /bookings/{id}/receipt`

use axum::extract::State;
use axum::response::Response;
use http::{Extensions, HeaderMap, StatusCode};
use onsale_schemas::BookingId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::PositionBody;
use super::one::readable;
use crate::address_blocks::NewHold;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::edge;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathId, Query, parse_booking};
use crate::rate_limit::Key;
use crate::routes::requests::body::{AheadBody, position, rule};
use crate::state::{AppState, IngressState};
use crate::values::Instant;

/// Where a booking's request stood in the log. Nothing in it says whose it is or which seats.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    booking_id: Uuid,
    show_id: Uuid,
    position: PositionBody,
    /// When the log took the request.
    decided_at: Instant,
    quantity: u32,
    /// The rule that decided, in a sentence.
    rule: &'static str,
    /// Who was ahead.
    ahead: AheadBody,
}

/// What a link to a receipt ends with.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinkQuery {
    /// As in the booking's `receipt_url`; without it, send the token of someone who may read the
    /// booking.
    token: Option<String>,
}

/// Where the receipt of a booking is, for anyone who has the link.
pub(super) fn url(state: &IngressState, booking: &BookingId) -> String {
    let token = state.booking_keys.receipt_token(booking);
    format!("/api/v1/bookings/{booking}/receipt?token={token}")
}

/// The same for bookings that are there and for those that are not.
fn wrong_link() -> ApiError {
    ApiError::new(
        Code::Unauthorized,
        "This link is not valid: it is incomplete, belongs to another booking, or was created with an \
         older key. Use the booking's current `receipt_url`.",
    )
}

/// The fairness receipt of a booking.
///
/// For anyone who may read the booking or has its `receipt_url`: it holds counts and no persons. The booking's id alone gives nothing. 410 says that the log no longer holds the record.
#[utoipa::path(
    get, path = "/api/v1/bookings/{id}/receipt", operation_id = "get_receipt", tag = "bookings",
    params(("id" = Uuid, Path, description = "The booking"), LinkQuery),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "Where the request stood in the log", body = Success<Receipt>),
        (status = 401, description = "`UNAUTHORIZED`: neither link nor token", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 410, description = "`RECORD_GONE`: the log no longer holds it", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: this process cannot read the log", body = Problem),
        (status = 503, description = "`OVERLOADED`: other requests are being explained", body = Problem),
    ),
)]
pub(crate) async fn receipt(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(link): Query<LinkQuery>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    // Before anything is looked up: nothing may cost or tell anything without a right to it.
    let named = parse_booking(id, state.log.partitions());
    let has_link = match (&named, &link.token) {
        (Ok(booking), Some(token)) => state.booking_keys.is_receipt_token(booking, token),
        _ => false,
    };
    let asker = match &caller {
        Some(caller) => Key::User(caller.user),
        None => edge::address(&state, &extensions, &headers),
    };
    let booking = match caller {
        _ if has_link => named?,
        Some(caller) => {
            let booking = named?;
            readable(&state, &caller, booking).await?;
            booking
        }
        None if link.token.is_some() => return Err(wrong_link()),
        None => return Err(Caller::missing()),
    };
    let place = (booking.partition(), booking.offset());
    let explained = state
        .standings
        .of(&state.operations, asker, place, None)
        .await
        .map_err(|error| match error.code() {
            Code::NotFound => ApiError::not_found("booking"),
            _ => error,
        })?;
    let (Some(granted), Some(ahead), None) = (
        NewHold::of(booking.partition(), &explained.outcome.outcome),
        &explained.ahead,
        explained.outcome.replay_of,
    ) else {
        return Err(ApiError::not_found("booking"));
    };
    let body = Receipt {
        booking_id: id,
        show_id: granted.show.0,
        position: position(booking.partition().0, booking.offset()),
        decided_at: Instant(explained.outcome.log_time_ms),
        quantity: granted.places,
        rule: rule(&explained.outcome.outcome),
        ahead: AheadBody::of(ahead),
    };
    envelope::success(&context, StatusCode::OK, &body)
}
