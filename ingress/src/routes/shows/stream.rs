//! `GET /shows/{id}/availability/stream`

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue};
use onsale_schemas::ShowId;
use utoipa::ToSchema;

use super::availability::{FormatQuery, live};
use crate::auth::Caller;
use crate::edge;
use crate::envelope::Problem;
use crate::error::{ApiError, Code};
use crate::extract::{PathId, Query};
use crate::live::stream;
use crate::rate_limit::Key;
use crate::routes::visible;
use crate::state::AppState;
use crate::tally::Counted;

/// When a reader too many may ask again, in seconds.
const RETRY_AFTER_SECONDS: u64 = 10;

/// One event of the stream.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "the fields are written by the stream; this is their document"
)]
pub(crate) struct StreamEvent {
    /// `state`, `delta` or `dropped`.
    event: String,
    /// The version.
    id: Option<String>,
    /// JSON, as said above.
    data: String,
}

/// The same as server-sent events.
///
/// First `event: state` with everything (in the form asked for), then `event: delta` with
/// `{version, zones, changes:[{seat_id, status}]}`, several changes in one. `id:` is the version:
/// a reader that comes back with `Last-Event-ID` gets what it missed, or the state again. A reader
/// that is too slow gets `event: dropped` and the end of the stream.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/availability/stream", operation_id = "stream_availability", tag = "availability",
    params(
        ("id" = Uuid, Path, description = "The show"),
        FormatQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last `id:` that was read; anything else gets the full state"),
    ),
    responses(
        (status = 200, description = "A stream of server-sent events", content_type = "text/event-stream", body = StreamEvent),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many readers of this user or address", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many readers", body = Problem),
    ),
)]
pub(crate) async fn events(
    State(state): State<AppState>,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<FormatQuery>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let counted = counted(&state, caller.as_ref(), &headers, &extensions)?;
    let permit = state
        .live
        .readers
        .clone()
        .try_acquire_owned()
        .map_err(|_| ApiError::overloaded("Too many readers are connected; try again later."))?;
    let chart = visible::chart(&state, caller.as_ref(), ShowId(id)).await?;
    let live = live(&state, &chart).await?;
    // What we did not write names no version: such a reader gets the full state.
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let format = query.format.unwrap_or_default();
    let admission = (permit, counted);
    let body = stream(live, last, format, state.closing.clone(), admission)?;
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that buffer would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Counts a reader by address and, with a token, by user: tokens are cheap, and so are addresses.
fn counted(
    state: &AppState,
    caller: Option<&Caller>,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Vec<Counted>, ApiError> {
    let http = &state.config.http;
    let address = edge::address(state, extensions, headers);
    let by_user = caller.map(|caller| (Key::User(caller.user), http.stream_readers_per_user_max));
    let by_address = (address, http.stream_readers_per_address_max);
    std::iter::once(by_address)
        .chain(by_user)
        .map(|(key, max)| state.readers.enter(key, max))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            ApiError::new(
                Code::RateLimited,
                "This user or address already has the most streams allowed; close some first.",
            )
            .retry_after(RETRY_AFTER_SECONDS)
        })
}
