//! `POST /payments/{id}/cancel`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::{PaymentBody, status};
use super::{READ_PAYMENTS, nothing, within_reach};
use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathId, RequestBody};
use crate::payments::cards::CardlessBody;
use crate::state::AppState;

/// Empty; the body may be omitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelPaymentRequest {}

impl RequestBody for CancelPaymentRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Buyer], "A payment is cancelled by its buyer.")
    }
}

/// Pay no more, or otherwise.
///
/// The places stay held until the hold ends. A payment that was over already is answered as it is.
#[utoipa::path(
    post, path = "/api/v1/payments/{id}/cancel", operation_id = "cancel_payment", tag = "payments", request_body = Option<CancelPaymentRequest>,
    params(("id" = Uuid, Path, description = "The payment")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`status` says whether it is over; while it is `processing` the gateway has not said so yet", body = Success<PaymentBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_PAID`: it was paid before it could be cancelled", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: no payments are taken here", body = Problem),
    ),
)]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    _body: CardlessBody<CancelPaymentRequest>,
) -> Result<Response, ApiError> {
    within_reach(&state, &caller, id, &READ_PAYMENTS).await?;
    state.desk()?;
    let payment = detached(async move {
        let deadline = state.config.http.reply_deadline();
        let cancelled = tokio::time::timeout(deadline, state.desk()?.cancel(id)).await;
        if let Ok(Err(error)) = cancelled {
            tracing::warn!(payment = %id, %error, "a payment is not cancelled yet");
            return Err(ApiError::overloaded(
                "The payment cannot be cancelled right now; try again.",
            ));
        }
        state.installation.payment(id).await?.ok_or_else(nothing)
    })
    .await?;
    if matches!(status(&payment), "succeeded" | "partially_refunded") {
        let paid = ApiError::new(
            Code::AlreadyPaid,
            "It was paid before it could be cancelled. Ask for a refund where you do not want it.",
        );
        return Err(paid.with_details(json!({
            "payment_id": payment.id, "booking_id": payment.booking.as_uuid(),
        })));
    }
    envelope::success(&context, StatusCode::OK, &PaymentBody::from(payment))
}
