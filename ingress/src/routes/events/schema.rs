//! `GET /events/{id}/schema.json`

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use onsale_schemas::EventId;
use onsale_store::catalog::{EventStatus, ShowStatus};

use super::page::SHOWS_MAX;
use super::schema_org::{self, Around, venue_of};
use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::visible;
use crate::state::AppState;
use crate::values::FileBody;

const JSON_LD: HeaderValue = HeaderValue::from_static("application/ld+json");
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=60");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// An event with its first 100 shows as JSON-LD of schema.org.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/schema.json", operation_id = "get_event_schema", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "An `Event`, or an `EventSeries` of its shows", content_type = "application/ld+json", body = FileBody),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn schema(
    State(state): State<AppState>,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    let mut shows = state
        .store
        .list_shows_after(row.event_id, None, SHOWS_MAX)
        .await?;
    shows.retain(|listed| listed.show.status != ShowStatus::Opening);
    let public_url = state.config.http.public_url.as_deref();
    let venue = venue_of(&state.store, &row).await?;
    let around = Around {
        venue: venue.as_ref(),
        public_url,
    };
    let about = schema_org::event(&row, &shows, around);
    let json = serde_json::to_vec(&about).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON_LD);
    let caching = match row.status {
        EventStatus::Draft => PRIVATE,
        EventStatus::Published | EventStatus::Cancelled => PUBLIC,
    };
    headers.insert(CACHE_CONTROL, caching);
    Ok(response)
}
