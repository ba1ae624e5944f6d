//! `GET /events/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::catalog::{EventRow, EventStatus};

use super::event_body::EventBody;
use super::ownership::owns;
use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;

/// One event.
#[utoipa::path(
    get, path = "/events/{id}", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, body = Success<EventBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = visible_event(&state, caller.as_ref(), EventId(id)).await?;
    envelope::success(&context, StatusCode::OK, &EventBody::from(row))
}

/// An event that the caller may see: drafts are their organizer's.
pub(super) async fn visible_event(
    state: &AppState,
    caller: Option<&Caller>,
    event: EventId,
) -> Result<EventRow, ApiError> {
    state
        .store
        .event(event)
        .await?
        .filter(|row| {
            row.status != EventStatus::Draft
                || caller.is_some_and(|caller| caller.role == Role::Admin || owns(caller, row))
        })
        .ok_or_else(|| ApiError::not_found("event"))
}
