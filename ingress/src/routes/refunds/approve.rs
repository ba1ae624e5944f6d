//! `POST /refunds/{id}/approve`

use axum::extract::State;
use axum::response::Response;
use onsale_store::payment::RefundState;
use serde::Deserialize;
use utoipa::ToSchema;

use super::decide::{Decision, decide};
use super::{APPROVE_REFUNDS, body::RefundBody};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, RequestBody};
use crate::payments::cards::CardlessBody;
use crate::state::AppState;

/// Empty; the body may be omitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveRefundRequest {}

impl RequestBody for ApproveRefundRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&APPROVE_REFUNDS)
    }
}

/// Approve a refund that was asked for.
///
/// Its places go back on sale, then the money goes back. Approved again it is what it is by then.
#[utoipa::path(
    post, path = "/api/v1/refunds/{id}/approve", operation_id = "approve_refund", tag = "payments", request_body = Option<ApproveRefundRequest>,
    params(("id" = Uuid, Path, description = "The refund")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is approved, and may be further by now", body = Success<RefundBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CANCELLED`: it was refused before", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn approve(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    _body: CardlessBody<ApproveRefundRequest>,
) -> Result<Response, ApiError> {
    let decision = Decision {
        becomes: RefundState::Approved,
        action: "refund.approve",
        why: None,
    };
    decide(&state, &context, &caller, id, decision).await
}
