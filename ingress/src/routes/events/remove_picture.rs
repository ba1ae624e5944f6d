//! `DELETE /events/{id}/picture`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::EventId;

use super::body::EventBody;
use super::picture_body::{answer, expected};
use super::update::changed;
use crate::audit;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::state::AppState;
use crate::versions::IfMatch;

/// Take the picture of an event away.
///
/// Its files are deleted an hour later.
#[utoipa::path(
    delete, path = "/api/v1/events/{id}/picture", operation_id = "remove_event_picture", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The event"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the event as you read it: nothing is changed if someone else has changed it since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>, headers(("ETag" = String, description = "Of the event"))),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed the event since; `details.etag` is its present one", body = Problem),
    ),
)]
pub(crate) async fn remove_picture(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    let managed = managed_event(&state, &caller, EventId(id), &MANAGE_EVENTS).await?;
    let event = managed.row.event_id;
    let expected = expected(&state, event, &if_match).await?;
    let entry = audit::actor(&caller, &context)
        .did("event.picture", "event", event)
        .of_tenant(managed.row.tenant_id);
    let set = state.store.set_picture(event, None, expected, entry);
    let set = set.await?.ok_or_else(|| ApiError::not_found("event"))?;
    changed(&state, &set.row).await;
    answer(&context, set)
}
