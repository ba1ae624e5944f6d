//! `GET /shows/{id}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::{EventId, ShowId};
use onsale_store::Store;

use super::page::{self, ShowPage};
use crate::auth::Caller;
use crate::charts::ShowStamp;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// A change is seen within this time, by those who ask anew.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// What not everybody may see is asked for each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// One show.
///
/// With what it has for sale, where its chart is and, where the event or its venue has a time zone, its times as
/// clocks there show them: all that a page needs but what is free, which is in `/availability`. Encoded once for each
/// change.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}", operation_id = "get_show", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The show; `ETag` begins with its version, which `If-Match` takes", body = Success<ShowPage>, headers(("ETag" = String))),
        (status = 304, description = "It is the one you have"),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let chart = visible::chart(&state, caller.as_ref(), show).await?;
    let event = chart.event;
    // The stamp is read before the rows: a tag that is older than what it comes with only makes a change be sent
    // once more.
    let (page, caching) = if chart.is_public() {
        let (store, looking) = (state.installation.clone(), state.installation.clone());
        let look = async move { stamp(&looking, event, show).await };
        let make = move |stamp| page::encode(store, show, stamp);
        (state.charts.pages.page(show, look, make).await?, PUBLIC)
    } else {
        let stamp = stamp(&state.store, event, show).await?;
        let page = page::encode(state.store.clone(), show, stamp).await?;
        (Arc::new(page), PRIVATE)
    };
    let mut response = if versions::is_known(&headers, &page.tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        page.body.success(&context, &headers).await?
    };
    let sent = response.headers_mut();
    versions::set_tag(sent, &page.tag)?;
    if !chart.is_public() {
        // To others there is nothing here.
        sent.append(VARY, HeaderValue::from_static("authorization"));
    }
    sent.insert(CACHE_CONTROL, caching);
    Ok(response)
}

/// As of which changes of event and show.
async fn stamp(store: &Store, event: EventId, show: ShowId) -> Result<ShowStamp, ApiError> {
    match store.catalog_versions(event, Some(show)).await? {
        (Some(event_version), Some(show_version)) => Ok(ShowStamp {
            event_version,
            show_version,
        }),
        _ => Err(ApiError::not_found("show")),
    }
}
