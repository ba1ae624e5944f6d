//! `GET /events/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;

use super::body::EventBody;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::visible;
use crate::state::AppState;

/// One event.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", operation_id = "get_event", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "The event", body = Success<EventBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    envelope::success(&context, StatusCode::OK, &EventBody::from(row))
}
