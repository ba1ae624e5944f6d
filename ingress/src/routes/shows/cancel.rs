//! `POST /shows/{id}/cancel`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::{Command, ShowId};

use super::close::{EndShowRequest, EndedShow, end};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::state::AppState;
use crate::submit::PendingAnswer;

/// Cancel a show: every hold and sale of it is void.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/cancel", tag = "catalog", request_body = Option<EndShowRequest>,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("Idempotency-Key" = Option<String>, Header, description = "Same key and body: same answer, for 24 hours"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<EndedShow>),
        (status = 202, description = "The outcome is not known yet: ask at `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody<EndShowRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    end(
        &state,
        &context,
        &caller,
        (key, "cancel show", body.bytes),
        show,
        Command::CancelShow { show },
    )
    .await
}
