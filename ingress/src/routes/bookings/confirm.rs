//! `POST /bookings/{id}/confirm`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::{Confirm, ConfirmV2, Currency};
use onsale_schemas::limits::PAYMENT_REFERENCE_MAX_BYTES;
use onsale_schemas::{
    Actor, BookingId, Command, Outcome, OutcomeRecord, PartitionId, Rejection, UserId,
};
use onsale_store::booking::BookingStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ended::{ended, forgotten};
use crate::auth::{Caller, OnBehalf, Right, Role};
use crate::bounds::{Bound, Bounds, Of, VISIBLE};
use crate::confirmation_codes::ConfirmationCodes;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody, parse_booking};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::{managers, ownership};
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, claim_reference, unexpected};
use crate::values::{Instant, Money};

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(
    Of::Field("ConfirmRequest", "payment_reference"),
    Bound::Form(VISIBLE, PAYMENT_REFERENCE_MAX_BYTES),
)];

/// What was paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmRequest {
    /// What the payment is known by at the gateway; nothing personal. 1 to 128 visible ASCII
    /// characters. It belongs to the first booking of the tenant that it is used for, for 400 days,
    /// also when that could not be confirmed.
    payment_reference: String,
    /// What was paid. When it is given it has to be the booking's total with its fees, as it was reserved.
    amount: Option<Money>,
}

impl RequestBody for ConfirmRequest {
    fn admit(caller: &Caller, state: &AppState) -> Result<(), ApiError> {
        payer(caller, state).map(drop)
    }
}

/// A confirmed booking.
#[derive(Serialize, ToSchema)]
pub(crate) struct Confirmation {
    booking_id: Uuid,
    /// `confirmed`.
    status: &'static str,
    confirmed_at: Instant,
    /// What is shown at the door.
    confirmation_code: String,
}

impl Confirmation {
    fn new(booking: BookingId, confirmed_at_ms: u64, confirmation_code: String) -> Self {
        Self {
            booking_id: booking.as_uuid(),
            status: "confirmed",
            confirmed_at: Instant(confirmed_at_ms),
            confirmation_code,
        }
    }
}

/// Turn a hold into a sale.
///
/// For services that took the payment; for buyers only where payments are simulated. The same call
/// again with the same reference gives the same answer. A hold that has run out is still confirmed
/// while all its places are free; once any of them is another's, the answer is `RESERVATION_EXPIRED`.
#[utoipa::path(
    post, path = "/api/v1/bookings/{id}/confirm", operation_id = "confirm_booking", tag = "bookings", request_body = ConfirmRequest,
    params(
        ("id" = Uuid, Path, description = "The booking"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The booking is confirmed", body = Success<Confirmation>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CONFIRMED` with another reference, `PAYMENT_REFERENCE_USED` by another booking of the tenant, `AMOUNT_MISMATCH` (`details.total_price`), `ALREADY_CANCELLED`, `SHOW_CANCELLED`", body = Problem),
        (status = 410, description = "`RESERVATION_EXPIRED`: the hold has run out, and at least one of its places is another's", body = Problem),
        (status = 503, description = "`OVERLOADED`: nothing was confirmed; try again with the same reference", body = Problem),
    ),
)]
pub(crate) async fn confirm(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<ConfirmRequest>,
) -> Result<Response, ApiError> {
    let (state, caller) = (&call.state, &call.caller);
    let (by, owner) = payer(caller, state)?;
    let booking = parse_booking(id, state.log.partitions())?;
    let (by, owner) = match by {
        Actor::Buyer(_) => {
            let buyer = ownership::acts_as(state, caller, booking).await;
            (Actor::Buyer(buyer), Some(buyer))
        }
        Actor::Staff => (by, owner),
    };
    let reference = body.value.payment_reference;
    // What a gateway gives is an id; control characters could not be stored everywhere.
    let plain = reference.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=PAYMENT_REFERENCE_MAX_BYTES).contains(&reference.len()) {
        return Err(ApiError::invalid(
            "payment_reference",
            reference,
            &format!("1 to {PAYMENT_REFERENCE_MAX_BYTES} visible ASCII characters"),
        ));
    }
    let paid = body.value.amount.map(paid).transpose()?;
    let tenant = managers::tenant_of_booking(state, booking).await?;
    let on_behalf = match by {
        Actor::Buyer(_) => OnBehalf::Buyer,
        Actor::Staff => {
            OnBehalf::Staff(caller.authority_over(tenant, &PAY, || ApiError::not_found("booking"))?)
        }
    };
    let identity = call.identity("confirm", id, &body.bytes);
    let claimed = (tenant, reference.as_str());
    claim_reference(state, &call.context, identity, on_behalf, claimed, booking).await?;
    let answering = Confirming {
        booking,
        owner,
        payment_reference: reference.clone(),
    };
    call.send(Order {
        identity,
        on_behalf,
        partition: booking.partition(),
        command: Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm {
                booking: booking.offset(),
                by,
                payment_reference: reference,
            },
            paid,
        }),
        answering: Arc::new(answering),
    })
    .await
}

/// Who confirms beside buyers of simulated payments.
const PAY: Right = Right::of_roles(
    &[Role::Service, Role::Platform],
    "Bookings are confirmed by the payment service.",
);

/// In whose name a caller confirms, and whose booking it has to be.
fn payer(caller: &Caller, state: &AppState) -> Result<(Actor, Option<UserId>), ApiError> {
    match caller.role {
        Role::Buyer if state.config.payments.simulated => {
            Ok((Actor::Buyer(caller.user), Some(caller.user)))
        }
        _ => {
            caller.permit(&PAY)?;
            Ok((Actor::Staff, None))
        }
    }
}

/// The sum as the log compares it.
fn paid(amount: Money) -> Result<(i64, Currency), ApiError> {
    let currency = amount.currency.parse::<Currency>().map_err(|error| {
        ApiError::invalid(
            "amount.currency",
            &amount.currency,
            error.to_string().trim_start_matches("expected "),
        )
    })?;
    Ok((amount.amount, currency))
}

/// Answers a confirmation.
pub(in crate::routes) struct Confirming {
    pub(in crate::routes) booking: BookingId,
    /// Whose booking it has to be; anybody's for services.
    pub(in crate::routes) owner: Option<UserId>,
    pub(in crate::routes) payment_reference: String,
}

#[async_trait]
impl Answering for Confirming {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let booking = self.booking;
        match &record.outcome {
            Outcome::Confirmed(confirmed) => {
                let is_new = confirmed.first && record.replay_of.is_none();
                self.confirmed(state, confirmed.confirmed_at_ms, is_new)
                    .await
            }
            Outcome::ConfirmedV2(order) => {
                let is_new = order.first && record.replay_of.is_none();
                self.confirmed(state, order.confirmed_at_ms, is_new).await
            }
            Outcome::Rejected(Rejection::UnknownBooking) => {
                let row = forgotten(state, booking, self.owner).await?;
                let reference = row.payment_reference.as_deref();
                match (row.status, row.confirmed_at_ms) {
                    (BookingStatus::Confirmed, Some(at_ms))
                        if reference == Some(self.payment_reference.as_str()) =>
                    {
                        let code = ConfirmationCodes::code(state, booking, at_ms).await?;
                        Final::new(StatusCode::OK, &Confirmation::new(booking, at_ms, code))
                    }
                    (status, _) => Err(rejection::to_error(&ended(status), None, None)),
                }
            }
            Outcome::Rejected(why) => Err(rejection::to_error(why, None, None)),
            other => Err(unexpected("confirm", other)),
        }
    }
}

impl Confirming {
    async fn confirmed(
        &self,
        state: &AppState,
        at_ms: u64,
        is_new: bool,
    ) -> Result<Final, ApiError> {
        let booking = self.booking;
        let code = if is_new {
            // Just now, so by a machine of version 2; the database need not be asked.
            state.booking_keys.confirmation_code(&booking)
        } else {
            ConfirmationCodes::code(state, booking, at_ms).await?
        };
        Final::new(StatusCode::OK, &Confirmation::new(booking, at_ms, code))
    }
}
