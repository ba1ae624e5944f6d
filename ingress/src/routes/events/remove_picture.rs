//! `DELETE /events/{id}/picture`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;

use super::body::EventBody;
use super::update::changed;
use crate::audit;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::state::AppState;

/// Take the picture of an event away.
///
/// Its files are deleted an hour later.
#[utoipa::path(
    delete, path = "/api/v1/events/{id}/picture", operation_id = "remove_event_picture", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn remove_picture(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let managed = managed_event(&state, &caller, EventId(id), &MANAGE_EVENTS).await?;
    let event = managed.row.event_id;
    let entry = audit::actor(&caller, &context)
        .did("event.picture", "event", event)
        .of_tenant(managed.row.tenant_id);
    let set = state.store.set_picture(event, None, entry).await?;
    let row = set.ok_or_else(|| ApiError::not_found("event"))?.row;
    changed(&state, &row).await;
    envelope::success(&context, StatusCode::OK, &EventBody::from(row))
}
