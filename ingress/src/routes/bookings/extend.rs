//! `POST /bookings/{id}/extend`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::limits::HOLD_MAX_MS;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{BookingId, Command, Outcome, OutcomeRecord, PartitionId, Rejection};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ended::refusal;
use crate::auth::{Caller, OnBehalf, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::{Call, Order};
use crate::routes::managers;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, decided_at, seconds_left, unexpected};
use crate::values::Instant;

const EXTEND: Right = Right::of_roles(
    &[Role::Service, Role::Platform],
    "Holds are extended by the payment service.",
);

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(
    Of::Field("ExtendRequest", "seconds"),
    Bound::Range(1, (HOLD_MAX_MS / 1_000) as u64),
)];

/// How much longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendRequest {
    /// Seconds to add to the present end of the hold; a hold lasts 24 hours at most.
    seconds: u32,
}

impl RequestBody for ExtendRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&EXTEND)
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
    post, path = "/api/v1/bookings/{id}/extend", operation_id = "extend_booking", tag = "bookings", request_body = ExtendRequest,
    params(
        ("id" = Uuid, Path, description = "The booking"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The hold lasts longer", body = Success<Extension>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CONFIRMED`, `ALREADY_CANCELLED`, `SHOW_CANCELLED`", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`", body = Problem),
    ),
)]
pub(crate) async fn extend(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<ExtendRequest>,
) -> Result<Response, ApiError> {
    let booking = parse_booking(id, call.state.log.partitions())?;
    let seconds = body.value.seconds;
    let by_ms = seconds
        .checked_mul(1_000)
        .filter(|ms| (1..=HOLD_MAX_MS).contains(ms))
        .ok_or_else(|| {
            ApiError::invalid("seconds", seconds, &format!("1 to {}", HOLD_MAX_MS / 1_000))
        })?;
    let authority =
        managers::authority_over_booking(&call.state, &call.caller, booking, &EXTEND).await?;
    call.send(Order {
        identity: call.identity("extend", id, &body.bytes),
        on_behalf: OnBehalf::Staff(authority),
        partition: booking.partition(),
        command: Command::Extend {
            booking: booking.offset(),
            by_ms,
        },
        answering: Arc::new(Extending { booking }),
    })
    .await
}

/// Answers an extension.
pub(in crate::routes) struct Extending {
    pub(in crate::routes) booking: BookingId,
}

#[async_trait]
impl Answering for Extending {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let booking = self.booking;
        match &record.outcome {
            Outcome::Extended { expires_at_ms, .. } => {
                let server_time = decided_at(record);
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
            Outcome::Rejected(why) => Err(refusal(state, booking, None, why).await),
            other => Err(unexpected("extend", other)),
        }
    }
}
