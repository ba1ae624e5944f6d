//! `GET /shows/{id}/seats`

use axum::extract::State;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::ShowId;

use crate::auth::Caller;
use crate::charts::Document;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// It changes when the show gets or loses places, which should be seen soon; a reader that asks again with
/// its tag is answered in a few bytes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=10, must-revalidate");
/// That of a draft may be kept by its reader only.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The seat chart.
///
/// It changes only when the show gets or loses places, and has another `ETag` then; what is free is in
/// `/availability`.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/seats", operation_id = "get_seats", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The seat chart", body = Success<Document>, headers(("ETag" = String))),
        (status = 304, description = "The chart is the one you have"),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn seats(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let chart = visible::chart(&state, caller.as_ref(), ShowId(id)).await?;
    let answer = state.charts.answer(&chart).await?;
    let tag = &answer.tag;
    let mut response = if versions::is_known(&headers, tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer.body.success(&context, &headers).await?
    };
    // Weak: `meta` differs from answer to answer.
    versions::set_tag(response.headers_mut(), &format!("W/{tag}"))?;
    let caching = if chart.is_public() { PUBLIC } else { PRIVATE };
    response.headers_mut().insert(CACHE_CONTROL, caching);
    Ok(response)
}
