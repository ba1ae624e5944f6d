//! `GET /events/{id}/shows`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;

use super::show_body::ShowBody;
use super::visible;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;

/// The shows of an event by their beginning.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/shows", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, body = Success<Vec<ShowBody>>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn shows(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let event = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    let rows = state.store.shows_of_event(event.event_id).await?;
    let bodies: Vec<ShowBody> = rows.iter().map(ShowBody::of).collect();
    envelope::success(&context, StatusCode::OK, &bodies)
}
