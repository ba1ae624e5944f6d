//! `PATCH /events/{id}`

use axum::response::Response;
use onsale_schemas::EventId;

use super::body::EventBody;
use super::body::patch::EventPatch;
use super::update::{change, recalled, versioned};
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::submit::PendingAnswer;
use crate::versions::IfMatch;

/// How often a change is tried that someone else is always ahead of. Of those who come at once one succeeds each time.
const ATTEMPTS_MAX: u32 = 64;

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
    let identity = call.identity("patch event", id, &body.bytes);
    for _ in 0..ATTEMPTS_MAX {
        let present = versioned(&call, EventId(id)).await?;
        if let Some(answered) = recalled(&call, identity).await? {
            return Ok(answered);
        }
        if_match.expected(present.version)?;
        let request = body.value.clone().onto(&present.row);
        let request = request.mapped(&call.state).await?;
        // What is left out is as it was read, so nobody may have changed it since.
        let expected = Some(present.version);
        match change(call.clone(), identity, request, present.row, expected).await {
            Err(error) if error.code() == Code::PreconditionFailed && !if_match.is_given() => {}
            answer => return answer,
        }
    }
    Err(ApiError::overloaded(
        "Others change the same all the time. Nothing was changed; try again.",
    ))
}
