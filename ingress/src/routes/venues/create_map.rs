//! `POST /venues/{id}/maps`

use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;
use onsale_halls::Hall;

use super::map_body::{HallDocument, MapBody};
use super::{managed, new_map};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::halls;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::recall;

/// Give a venue a map: a hall in the format `onsale-hall/1`.
///
/// What is wrong with it is said with its place, such as `section B, row 7: two seats 14`; `details.faults` lists
/// the first faults with their paths. The format is in the documentation of the program and in its JSON Schema.
#[utoipa::path(
    post, path = "/api/v1/venues/{id}/maps", operation_id = "create_map", tag = "venues",
    request_body(content = HallDocument, content_type = "application/json", description = "The hall (`onsale-hall/1`)"),
    params(
        ("id" = Uuid, Path, description = "The venue"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new map at its version 1", body = Success<MapBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(
    call: Call,
    PathId(id): PathId,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let venue = managed(&call.state, &call.caller, id).await?;
    new_map::check_json(&headers)?;
    let (sent, share) = new_map::sent(&call, request).await?;
    let identity = call.identity("create map", id, &sent);
    if let Some(answer) = recall(&call.state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let hall = call
        .state
        .halls
        .work(move || {
            let hall = Hall::from_json(&sent).map_err(|error| halls::refused(&error))?;
            halls::stored(&hall)
        })
        .await?;
    drop(share);
    let answer = new_map::add(&call, &venue, identity, &hall, MapBody::from).await?;
    Ok(answer.into_response(&call.context))
}
