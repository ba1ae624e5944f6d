//! `POST /shows/{id}/unblock`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::ShowId;

use super::block::{Block, BlockRequest, change};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::state::AppState;
use crate::submit::PendingAnswer;

/// Put blocked places back on sale. All or none.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/unblock", tag = "catalog", request_body = BlockRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("Idempotency-Key" = Option<String>, Header, description = "Same key and body: same answer, for 24 hours"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<Block>),
        (status = 202, description = "The outcome is not known yet: ask at `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`, `INSUFFICIENT_STOCK`, `SHOW_CANCELLED`", body = Problem),
        (status = 408, description = "`REQUEST_TIMEOUT`: the body did not arrive in time, or came so slowly that it would not", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: asked too often, or another large body of yours is being read; send one after the other", body = Problem),
        (status = 503, description = "`OVERLOADED`: too much is asked for, or too many large bodies are being read; nothing was changed, try again", body = Problem),
    ),
)]
pub(crate) async fn unblock(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody<BlockRequest>,
) -> Result<Response, ApiError> {
    change(&state, &context, &caller, &key, ShowId(id), body, false).await
}
