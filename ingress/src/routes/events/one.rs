//! `GET /events/{id}`

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::EventId;
use onsale_store::catalog::{EventRow, EventStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{self, EventBody};
use super::page::{self, EventWithShows};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// A change is seen within this time, by those who ask anew.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// What not everybody may see is asked for each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(Of::Parameter("include"), Bound::OneOf(&["shows"]))];

/// What else is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OneQuery {
    /// `shows`: the event with its first 100 shows and its schema.org data, in one answer.
    include: Option<String>,
}

/// One event.
///
/// With `include=shows` its shows are in `shows`, those that come next at `shows_next_cursor` of `GET
/// /events/{id}/shows`, and `schema_org` is its JSON-LD for pages.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", operation_id = "get_event", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The event"),
        OneQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The event; `ETag` begins with its version, which `If-Match` takes", body = Success<EventWithShows>, headers(("ETag" = String))),
        (status = 304, description = "It is the one you have"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<OneQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let event = EventId(id);
    match query.include.as_deref() {
        None => alone(&state, &context, caller.as_ref(), event, &headers).await,
        Some("shows") => with_shows(&state, &context, caller.as_ref(), event, &headers).await,
        Some(other) => Err(ApiError::invalid("include", other, "shows")),
    }
}

async fn alone(
    state: &AppState,
    context: &RequestContext,
    caller: Option<&Caller>,
    event: EventId,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let found = state.store.versioned_event(event).await?;
    let found = found
        .filter(|found| visible::is_visible(caller, &found.row))
        .ok_or_else(|| ApiError::not_found("event"))?;
    answer(context, headers, found.version, found.row)
}

/// An event alone, as this answers it.
pub(super) fn answer(
    context: &RequestContext,
    headers: &HeaderMap,
    version: u64,
    row: EventRow,
) -> Result<Response, ApiError> {
    let tag = body::tag(version, &row);
    let caching = caching(&row);
    let mut response = if versions::is_known(headers, &tag) {
        not_modified()
    } else {
        envelope::success(context, StatusCode::OK, &EventBody::from(row))?
    };
    finish(&mut response, &tag, caching)?;
    Ok(response)
}

async fn with_shows(
    state: &AppState,
    context: &RequestContext,
    caller: Option<&Caller>,
    event: EventId,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (store, looking) = (state.installation.clone(), state.installation.clone());
    let public_url = state.config.http.public_url.clone();
    let look = async move {
        let stamp = looking.page_stamp(event).await?;
        stamp.ok_or_else(|| ApiError::not_found("event"))
    };
    let make = move |stamp| page::encode(store, public_url, event, stamp);
    let shared = state.event_pages.page(event, look, make).await;
    let (page, caching) = match shared {
        Ok(page) => (page, PUBLIC),
        // A draft is encoded for who may see it.
        Err(error) if error.is_gap_of_catalog() && caller.is_some() => {
            let row = visible::event(state, caller, event).await?;
            let public_url = state.config.http.public_url.as_deref();
            (
                page::of_draft(&state.store, public_url, row).await?,
                PRIVATE,
            )
        }
        Err(error) => return Err(error),
    };
    let mut response = if versions::is_known(headers, &page.tag) {
        not_modified()
    } else {
        page.body.success(context, headers).await?
    };
    finish(&mut response, &page.tag, caching)?;
    Ok(response)
}

fn caching(row: &EventRow) -> HeaderValue {
    match row.status {
        EventStatus::Draft => PRIVATE,
        EventStatus::Published | EventStatus::Cancelled => PUBLIC,
    }
}

fn not_modified() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn finish(response: &mut Response, tag: &str, caching: HeaderValue) -> Result<(), ApiError> {
    let headers = response.headers_mut();
    versions::set_tag(headers, tag)?;
    if caching == PRIVATE {
        // To others there is nothing here.
        headers.append(VARY, HeaderValue::from_static("authorization"));
    }
    headers.insert(CACHE_CONTROL, caching);
    Ok(())
}
