//! `GET /payments/{id}/refunds`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::body::RefundBody;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::payments::{READ_PAYMENTS, within_reach};
use crate::state::AppState;

/// The refunds of a payment, in the order in which they were asked for.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}/refunds", operation_id = "refunds_of_payment", tag = "payments",
    params(("id" = Uuid, Path, description = "The payment")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Its refunds", body = Success<Vec<RefundBody>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn of_payment(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let payment = within_reach(&state, &caller, id, &READ_PAYMENTS).await?;
    let refunds = state.installation.refunds_of_payment(id).await?;
    let bodies: Vec<RefundBody> = refunds
        .into_iter()
        .map(|refund| RefundBody::new(refund, payment.currency))
        .collect();
    envelope::success(&context, StatusCode::OK, &bodies)
}
