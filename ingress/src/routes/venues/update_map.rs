//! `PUT /venues/{id}/maps/{map_id}`

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use onsale_halls::Hall;
use onsale_store::venue::MapId;
use serde_json::json;

use super::map_body::{HallDocument, MapBody};
use super::{managed, new_map};
use crate::audit;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::PathIds;
use crate::halls;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::{recall, remember};
use crate::submit::Final;
use crate::versions::{self, IfMatch};

/// Give a map another version: a hall in the format `onsale-hall/1`.
///
/// Shows stay what they were made from; a new show is made from the new version. A hall that says the same as the
/// last version makes no other.
#[utoipa::path(
    put, path = "/api/v1/venues/{id}/maps/{map_id}", operation_id = "update_map", tag = "venues",
    request_body(content = HallDocument, content_type = "application/json", description = "The hall (`onsale-hall/1`)"),
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ("map_id" = Uuid, Path, description = "The map"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the map's last version as you read it: only behind that comes another"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The last version", body = Success<MapBody>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: there is a later version; `details.etag` is its tag", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn update(
    call: Call,
    PathIds(venue_id, map_id): PathIds,
    if_match: IfMatch,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let venue = managed(&call.state, &call.caller, venue_id).await?;
    new_map::check_json(&headers)?;
    let (sent, share) = new_map::sent(&call, request).await?;
    let identity = call.identity("update map", map_id, &sent);
    let state = &call.state;
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let id = MapId { venue_id, map_id };
    let expected = if if_match.is_given() {
        let last = state.store.map_version(id, None).await?;
        let last = last.ok_or_else(|| ApiError::not_found("map"))?;
        let present = last.row.version;
        if_match.expected(present.into())?.map(|_| present)
    } else {
        None
    };
    let hall = state
        .halls
        .work(move || {
            let hall = Hall::from_json(&sent).map_err(|error| halls::refused(&error))?;
            halls::stored(&hall)
        })
        .await?;
    drop(share);
    let entry = audit::actor(&call.caller, &call.context)
        .did("map.change", "map", map_id)
        .of_tenant(venue.tenant_id)
        .with(json!({ "venue_id": venue_id }));
    let now_ms = state.clock.now_ms();
    let row = state
        .store
        .add_map_version(id, &hall, expected, now_ms, entry)
        .await?
        .ok_or_else(|| ApiError::not_found("map"))?;
    let tag = versions::tag(row.version.into(), None);
    let answer = Final::new(StatusCode::OK, &MapBody::from(row))?;
    let answer = remember(state, identity, answer).await?;
    let mut response = answer.into_response(&call.context);
    versions::set_tag(response.headers_mut(), &tag)?;
    Ok(response)
}
