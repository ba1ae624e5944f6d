//! `POST /refunds/{id}/refuse`

use axum::extract::State;
use axum::response::Response;
use onsale_store::payment::RefundState;
use serde::Deserialize;
use utoipa::ToSchema;

use super::decide::{Decision, decide};
use super::{APPROVE_REFUNDS, body::RefundBody};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, RequestBody};
use crate::payments::cards::CardlessBody;
use crate::state::AppState;
use crate::text;

/// Characters of a reason.
const REASON_MAX_CHARS: usize = 200;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(
    Of::Field("RefuseRefundRequest", "reason"),
    Bound::Line(REASON_MAX_CHARS),
)];

/// Why; the body may be omitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseRefundRequest {
    /// For the one who asked; nothing personal.
    reason: Option<String>,
}

impl RequestBody for RefuseRefundRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&APPROVE_REFUNDS)
    }
}

/// Refuse a refund that was asked for.
#[utoipa::path(
    post, path = "/api/v1/refunds/{id}/refuse", operation_id = "refuse_refund", tag = "payments", request_body = Option<RefuseRefundRequest>,
    params(("id" = Uuid, Path, description = "The refund")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is refused; refused again it stays so", body = Success<RefundBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`ALREADY_CONFIRMED`: it was approved before", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn refuse(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    body: CardlessBody<RefuseRefundRequest>,
) -> Result<Response, ApiError> {
    let CardlessBody(body) = body;
    let reason = body.value.reason;
    if let Some(reason) = &reason
        && !text::is_line(reason, REASON_MAX_CHARS)
    {
        let expected = format!("1 to {REASON_MAX_CHARS} characters on one line");
        return Err(ApiError::invalid("reason", reason, &expected));
    }
    let decision = Decision {
        becomes: RefundState::Refused,
        action: "refund.refuse",
        why: reason,
    };
    decide(&state, &context, &caller, id, decision).await
}
