//! `GET /payments/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::body::PaymentBody;
use super::{READ_PAYMENTS, within_reach};
use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;

/// One payment.
///
/// For its buyer, and for the staff that reads payments of its tenant.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}", operation_id = "get_payment", tag = "payments",
    params(("id" = Uuid, Path, description = "The payment")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The payment", body = Success<PaymentBody>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let payment = within_reach(&state, &caller, id, &READ_PAYMENTS).await?;
    let body = match caller.role {
        Role::Buyer => PaymentBody::from(payment),
        _ => PaymentBody::for_staff(payment),
    };
    envelope::success(&context, StatusCode::OK, &body)
}
