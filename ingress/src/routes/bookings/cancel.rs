//! `POST /bookings/{id}/cancel`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_schemas::{Actor, BookingId, Command, Outcome, OutcomeRecord, PartitionId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ended::refusal;
use crate::auth::{Authority, Caller, OnBehalf, Right, Role};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::{Call, Order};
use crate::routes::{managers, ownership};
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};

/// To take back what a buyer holds or has bought.
const TAKE_BACK: Right = Right::of_members(
    &[
        Role::Organizer,
        Role::Admin,
        Role::Service,
        Role::Operator,
        Role::Platform,
    ],
    Action::ServeBuyers,
    "Bookings are cancelled by their buyer and by the staff of their tenant.",
);

/// Empty; the body may be omitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelRequest {}

impl RequestBody for CancelRequest {
    const OPTIONAL: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// A cancelled booking.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cancellation {
    booking_id: Uuid,
    /// `cancelled`.
    status: &'static str,
    /// True when it had been paid: its seats are on sale again and a refund is due.
    was_confirmed: bool,
}

/// Give a booking back.
///
/// Buyers give back holds. The event's organizer, and admins and services of its
/// tenant, also take back sales.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/cancel", operation_id = "cancel_booking", tag = "bookings", request_body = Option<CancelRequest>,
    params(
        ("id" = Uuid, Path, description = "The booking"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The booking is cancelled", body = Success<Cancellation>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CANCELLED`, `ALREADY_CONFIRMED`, `SHOW_CANCELLED`", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`", body = Problem),
    ),
)]
pub(crate) async fn cancel(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<CancelRequest>,
) -> Result<Response, ApiError> {
    let (state, caller) = (&call.state, &call.caller);
    let booking = parse_booking(id, state.log.partitions())?;
    let returned = Command::Return {
        booking: booking.offset(),
    };
    let (command, owner, on_behalf) = match caller.role {
        Role::Buyer => {
            let buyer = ownership::acts_as(state, caller, booking).await;
            let release = Command::Release {
                booking: booking.offset(),
                by: Actor::Buyer(buyer),
            };
            (release, Some(buyer), OnBehalf::Buyer)
        }
        Role::Organizer | Role::Admin | Role::Service | Role::Operator | Role::Platform => {
            let authority = to_take_back(state, caller, booking).await?;
            (returned, None, OnBehalf::Staff(authority))
        }
    };
    call.send(Order {
        identity: call.identity("cancel", id, &body.bytes),
        on_behalf,
        partition: booking.partition(),
        command,
        answering: Arc::new(Cancelling { booking, owner }),
    })
    .await
}

/// The right of one of the staff to take back what a buyer has bought. To others there is no such booking.
pub(super) async fn to_take_back(
    state: &AppState,
    caller: &Caller,
    booking: BookingId,
) -> Result<Authority, ApiError> {
    managers::authority_of_staff(state, caller, booking, &TAKE_BACK).await
}

/// Answers a cancellation.
pub(in crate::routes) struct Cancelling {
    pub(in crate::routes) booking: BookingId,
    /// Whose booking it has to be; anybody's for the staff.
    pub(in crate::routes) owner: Option<UserId>,
}

#[async_trait]
impl Answering for Cancelling {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        match &record.outcome {
            Outcome::Released { was_confirmed, .. } => self.cancelled(*was_confirmed),
            Outcome::ReleasedV2(order) => self.cancelled(order.was_confirmed),
            Outcome::Rejected(why) => Err(refusal(state, self.booking, self.owner, why).await),
            other => Err(unexpected("cancel", other)),
        }
    }
}

impl Cancelling {
    fn cancelled(&self, was_confirmed: bool) -> Result<Final, ApiError> {
        Final::new(
            StatusCode::OK,
            &Cancellation {
                booking_id: self.booking.as_uuid(),
                status: "cancelled",
                was_confirmed,
            },
        )
    }
}
