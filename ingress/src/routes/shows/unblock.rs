//! `POST /shows/{id}/unblock`

use axum::response::Response;
use onsale_schemas::{Command, ShowId};

use super::block::{Block, BlockRequest, UNBLOCK, change};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::submit::PendingAnswer;

/// Put blocked places back on sale.
///
/// All of them, or none.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/unblock", operation_id = "unblock_places", tag = "catalog", request_body = BlockRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The places are on sale again", body = Success<Block>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`: some are not blocked, `INSUFFICIENT_STOCK`: fewer are blocked, `SHOW_CANCELLED`", body = Problem),
    ),
)]
pub(crate) async fn unblock(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<BlockRequest>,
) -> Result<Response, ApiError> {
    change(&call, ShowId(id), body, UNBLOCK, Command::Unblock).await
}
