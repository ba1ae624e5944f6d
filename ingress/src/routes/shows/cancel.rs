//! `POST /shows/{id}/cancel`

use axum::response::Response;
use onsale_schemas::{Command, ShowId};

use super::close::{EndShowRequest, EndedShow, end};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::submit::PendingAnswer;

/// Cancel a show: every hold and sale of it is void.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/cancel", operation_id = "cancel_show", tag = "catalog", request_body = Option<EndShowRequest>,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The show is cancelled", body = Success<EndedShow>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn cancel(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<EndShowRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    end(
        &call,
        show,
        body,
        "cancel show",
        Command::CancelShow { show },
    )
    .await
}
