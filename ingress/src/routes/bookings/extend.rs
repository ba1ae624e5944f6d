//! `POST /bookings/{id}/extend`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::limits::HOLD_MAX_MS;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{BookingId, Command, Outcome, OutcomeRecord, Rejection};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::confirm::{ended, forgotten};
use crate::auth::{Caller, OnBehalf, Role};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::ownership;
use crate::state::AppState;
use crate::submit::{Ask, Asked, Final, PendingAnswer, seconds_left, send};
use crate::values::Instant;

const ROLES: [Role; 2] = [Role::Service, Role::Platform];
const DETAIL: &str = "Holds are extended by the payment service.";

/// How much longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendRequest {
    /// Seconds to add to the present end of the hold; a hold lasts 24 hours at most.
    seconds: u32,
}

impl RequestBody for ExtendRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&ROLES, DETAIL)
    }
}

/// A hold with its new end.
#[derive(Serialize, ToSchema)]
pub(crate) struct Extension {
    booking_id: Uuid,
    /// `reserved`.
    status: &'static str,
    expires_at: Instant,
    expires_in_seconds: u64,
    server_time: Instant,
}

/// Make a hold last longer, while a slow payment is in flight.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/extend", tag = "bookings", request_body = ExtendRequest,
    params(
        ("id" = Uuid, Path, description = "The booking"),
        ("Idempotency-Key" = Option<String>, Header, description = "Same key and body: same answer, for 24 hours"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<Extension>),
        (status = 202, description = "The outcome is not known yet: ask at `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CONFIRMED`, `ALREADY_CANCELLED`, `SHOW_CANCELLED`", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`", body = Problem),
    ),
)]
pub(crate) async fn extend(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody<ExtendRequest>,
) -> Result<Response, ApiError> {
    let booking = parse_booking(id, state.log.partitions())?;
    let seconds = body.value.seconds;
    let by_ms = seconds
        .checked_mul(1_000)
        .filter(|ms| (1..=HOLD_MAX_MS).contains(ms))
        .ok_or_else(|| {
            ApiError::invalid("seconds", seconds, &format!("1 to {}", HOLD_MAX_MS / 1_000))
        })?;
    let authority =
        ownership::authority_over_booking(&state, &caller, booking, &ROLES, DETAIL).await?;
    let identity = key.identity(caller.user, "extend", &id.to_string(), &body.bytes);
    let answer = send(
        &state,
        &context,
        Ask {
            user: caller.user,
            on_behalf: OnBehalf::Staff(authority),
            identity,
            partition: booking.partition(),
            command: Command::Extend {
                booking: booking.offset(),
                by_ms,
            },
            asked: Asked::Extend { booking },
        },
    )
    .await?;
    Ok(answer.into_response(&context))
}

/// The answer to the outcome of an extension.
pub(crate) async fn answer(
    state: &AppState,
    booking: BookingId,
    record: &OutcomeRecord,
) -> Result<Final, ApiError> {
    match &record.outcome {
        Outcome::Extended { expires_at_ms, .. } => {
            let server_time = Instant(
                record
                    .replay_of
                    .map_or(record.log_time_ms, |first| first.log_time_ms),
            );
            let expires_at = Instant(*expires_at_ms);
            Final::new(
                StatusCode::OK,
                &Extension {
                    booking_id: booking.as_uuid(),
                    status: "reserved",
                    expires_at,
                    expires_in_seconds: seconds_left(expires_at, server_time),
                    server_time,
                },
            )
        }
        Outcome::Rejected(Rejection::UnknownBooking) => {
            let row = forgotten(state, booking, None).await?;
            Err(rejection::to_error(&ended(row.status), None, None))
        }
        // The only thing of it that can be out of range: the hold would last longer than any may.
        Outcome::Rejected(Rejection::Invalid {
            reason: InvalidReason::OutOfRange,
        }) => Err(ApiError::invalid(
            "seconds",
            serde_json::Value::Null,
            &format!(
                "fewer seconds: a hold lasts {} at most, counted from its reservation",
                HOLD_MAX_MS / 1_000
            ),
        )),
        Outcome::Rejected(why) => Err(rejection::to_error(why, None, None)),
        other => Err(ApiError::internal(format!("extend came out as {other:?}"))),
    }
}
