//! `GET /bookings/{id}/receipt`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::Outcome;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::booking_body::PositionBody;
use super::explanation_body::{AheadBody, position, rule};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, parse_booking};
use crate::state::AppState;
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

/// The fairness receipt of a booking.
///
/// Public: it holds counts and no persons. 410 says that the log no longer holds the record.
#[utoipa::path(
    get, path = "/api/v1/bookings/{id}/receipt", tag = "bookings",
    params(("id" = Uuid, Path, description = "The booking")),
    responses(
        (status = 200, body = Success<Receipt>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 410, description = "`RECORD_GONE`: the log no longer holds it", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: this process cannot read the log", body = Problem),
        (status = 503, description = "`OVERLOADED`: others are being explained", body = Problem),
    ),
)]
pub(crate) async fn receipt(
    State(state): State<AppState>,
    context: RequestContext,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let booking = parse_booking(id, state.log.partitions())?;
    let explained = state
        .explanations
        .of(&*state.operations, booking.partition(), booking.offset())
        .await
        .map_err(|error| match error.code() {
            crate::error::Code::NotFound => ApiError::not_found("booking"),
            _ => error,
        })?;
    let (Outcome::Reserved(reserved), Some(ahead), None) = (
        &explained.outcome.outcome,
        &explained.ahead,
        explained.outcome.replay_of,
    ) else {
        return Err(ApiError::not_found("booking"));
    };
    let body = Receipt {
        booking_id: id,
        show_id: reserved.show.0,
        position: position(booking.partition().0, booking.offset()),
        decided_at: Instant(explained.outcome.log_time_ms),
        quantity: reserved.quantity,
        rule: rule(&explained.outcome.outcome),
        ahead: AheadBody::of(ahead),
    };
    envelope::success(&context, StatusCode::OK, &body)
}
