//! `PATCH /events/{id}`

use axum::response::Response;
use onsale_schemas::EventId;

use super::body::EventBody;
use super::body::patch::EventPatch;
use super::update::{change, versioned};
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::submit::PendingAnswer;
use crate::versions::IfMatch;

/// Change some values of an event.
///
/// As `PUT /events/{id}` with the values that the event has for all that is left out.
#[utoipa::path(
    patch, path = "/api/v1/events/{id}", operation_id = "patch_event", tag = "catalog", request_body = EventPatch,
    params(
        ("id" = Uuid, Path, description = "The event"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the event as you read it: nothing is changed if someone else has changed it since"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>, headers(("ETag" = String, description = "Of the event, where the log had no part in the change"))),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`: the event is cancelled, its limit and status stay; `SLUG_TAKEN`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed it since; `details.etag` is its present one", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
        (status = 503, description = "`OVERLOADED`: someone else changed the same at this moment, or the database is busy; nothing was changed, try again", body = Problem),
    ),
)]
pub(crate) async fn patch(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<EventPatch>,
) -> Result<Response, ApiError> {
    let present = versioned(&call, EventId(id)).await?;
    if_match.expected(present.version)?;
    let request = body.value.onto(&present.row).mapped(&call.state).await?;
    let identity = call.identity("patch event", id, &body.bytes);
    // What is left out is as it was read, so nobody may have changed it since.
    let changed = change(call, identity, request, present.row, Some(present.version)).await;
    changed.map_err(|error| {
        if error.code() == Code::PreconditionFailed && !if_match.is_given() {
            ApiError::overloaded(
                "Someone else changed the same at this moment. Nothing was changed; try again.",
            )
        } else {
            error
        }
    })
}
