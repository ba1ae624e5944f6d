//! `DELETE /venues/{id}`

use axum::response::Response;
use http::StatusCode;
use onsale_store::venue::VenueDeleted;
use serde_json::json;

use super::{managed, nothing};
use crate::audit;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::PathId;
use crate::idempotency::IdempotencyKey;
use crate::routes::auth::body::{DONE, DoneBody};
use crate::routes::call::Call;
use crate::routes::catalog_call::{recall, remember};
use crate::routes::managers::MANAGE_EVENTS;
use crate::submit::Final;
use crate::versions::{self, IfMatch};

/// Delete a venue with its maps.
///
/// One in which events or shows take place, or took place, stays: rename it instead.
#[utoipa::path(
    delete, path = "/api/v1/venues/{id}", operation_id = "delete_venue", tag = "venues",
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the venue as you read it: only that is deleted"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The venue is gone", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`VENUE_IN_USE`: shows or events take place in it, `details.shows` or `details.events` of them", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not as you read it; `details.etag` says how it is", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn delete(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    let state = &call.state;
    let identity = call.identity("delete venue", id, &[]);
    call.caller.permit(&MANAGE_EVENTS)?;
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let venue = managed(state, &call.caller, id).await?;
    let expected = if_match.expected(venue.version)?;
    let entry = audit::actor(&call.caller, &call.context)
        .did("venue.delete", "venue", id)
        .of_tenant(venue.tenant_id);
    match state.store.delete_venue(id, expected, entry).await? {
        VenueDeleted::Done => {}
        VenueDeleted::IsAt(version) => return Err(versions::changed(version)),
        VenueDeleted::NotThere => return Err(nothing()),
        VenueDeleted::HasShows(shows) => {
            return Err(ApiError::new(
                Code::VenueInUse,
                format!(
                    "{shows} shows take place in the venue, or took place. Nothing was changed; rename \
                     it instead."
                ),
            )
            .with_details(json!({ "shows": shows })));
        }
        VenueDeleted::HasEvents(events) => {
            return Err(ApiError::new(
                Code::VenueInUse,
                format!(
                    "{events} events take place in the venue, or took place. Nothing was changed; give them \
                     another venue first, or rename it instead."
                ),
            )
            .with_details(json!({ "events": events })));
        }
    }
    let answer = Final::new(StatusCode::OK, &DONE)?;
    let answer = remember(state, identity, answer).await?;
    Ok(answer.into_response(&call.context))
}
