//! `GET /events/{id}/schema.json`

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue};
use onsale_schemas::EventId;

use super::one::not_modified;
use super::page;
use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;
use crate::versions;

const JSON_LD: HeaderValue = HeaderValue::from_static("application/ld+json");
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=60");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// An event with its first 100 shows as JSON-LD of schema.org.
///
/// It may stand in a page as it is. Where the shows have hundreds of zones together, an `AggregateOffer` stands for the
/// offers of each show; where they have thousands, there are fewer shows.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/schema.json", operation_id = "get_event_schema", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The event"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "An `Event`, or an `EventSeries` of its shows", content_type = "application/ld+json", body = serde_json::Value, headers(("ETag" = String))),
        (status = 304, description = "It is the one you have"),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn schema(
    State(state): State<AppState>,
    caller: Option<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (page, is_public) = page::of(&state, caller.as_ref(), EventId(id)).await?;
    let mut response = if versions::is_known(&headers, &page.tag) {
        not_modified()
    } else {
        page.schema.response(JSON_LD, Vec::new(), &headers).await?
    };
    let headers = response.headers_mut();
    versions::set_tag(headers, &page.tag)?;
    if is_public {
        headers.insert(CACHE_CONTROL, PUBLIC);
    } else {
        headers.append(VARY, HeaderValue::from_static("authorization"));
        headers.insert(CACHE_CONTROL, PRIVATE);
    }
    Ok(response)
}
