//! `PUT /venues/{id}`

use axum::response::Response;
use http::StatusCode;
use onsale_store::venue::VenueChanged;

use super::body::{VenueBody, VenueRequest};
use super::{managed, nothing};
use crate::audit;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::{recall, remember};
use crate::submit::Final;
use crate::versions::{self, IfMatch};

/// Replace what is said of a venue.
#[utoipa::path(
    put, path = "/api/v1/venues/{id}", operation_id = "update_venue", tag = "venues", request_body = VenueRequest,
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the venue as you read it: only that is changed"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The venue as it is now", body = Success<VenueBody>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: it is not as you read it; `details.etag` says how it is", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn update(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<VenueRequest>,
) -> Result<Response, ApiError> {
    let state = &call.state;
    let before = managed(state, &call.caller, id).await?;
    let identity = call.identity("update venue", id, &body.bytes);
    let venue = body.value.into_venue()?;
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let expected = if_match.expected(before.version)?;
    let entry = audit::actor(&call.caller, &call.context)
        .did("venue.change", "venue", id)
        .of_tenant(before.tenant_id);
    let now_ms = state.clock.now_ms();
    let changed = state
        .store
        .change_venue(id, &venue, expected, now_ms, entry)
        .await?;
    let row = match changed {
        VenueChanged::Done(row) => row,
        VenueChanged::IsAt(version) => return Err(versions::changed(version)),
        VenueChanged::NotThere => return Err(nothing()),
    };
    let version = row.version;
    let answer = Final::new(StatusCode::OK, &VenueBody::from(row))?;
    let answer = remember(state, identity, answer).await?;
    let mut response = answer.into_response(&call.context);
    versions::set_tag(response.headers_mut(), &versions::tag(version, None))?;
    Ok(response)
}
