//! `GET /shows/{id}/offer`

use axum::extract::State;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::ShowId;
use onsale_store::catalog::ShowRow;

use super::body::{OfferBody, Reader};
use crate::auth::{Caller, Role};
use crate::charts::Chart;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::managers::sees_all_of;
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// It is asked for again each time, and answered in short where it is the same.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, no-cache");
/// What managers see is for them alone.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What a show has for sale.
///
/// The public does not see ticket types that are hidden or need a code; managers of the event see everything.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/offer", operation_id = "get_offer", tag = "offers",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The offer", body = Success<OfferBody>, headers(("ETag" = String))),
        (status = 304, description = "The offer is the one you have"),
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
    let (body, caching) = match managers_view(&state, caller.as_ref(), &chart).await? {
        Some(row) => (OfferBody::of(&row, Reader::Manager), PRIVATE),
        None => {
            let row = state.charts.show(show).await?;
            let caching = if chart.is_public() { PUBLIC } else { PRIVATE };
            (OfferBody::of(&row, Reader::Public), caching)
        }
    };
    let tag = versions::digest(&body)?;
    let mut response = if versions::is_known(&headers, &tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        envelope::success(&context, StatusCode::OK, &body)?
    };
    versions::set_tag(response.headers_mut(), &tag)?;
    response.headers_mut().insert(CACHE_CONTROL, caching);
    Ok(response)
}

/// The show as the catalog has it now, for who manages its event.
async fn managers_view(
    state: &AppState,
    caller: Option<&Caller>,
    chart: &Chart,
) -> Result<Option<ShowRow>, ApiError> {
    let Some(caller) = caller.filter(|caller| caller.role != Role::Buyer) else {
        return Ok(None);
    };
    let event = visible::event(state, Some(caller), chart.event).await?;
    if !sees_all_of(caller, &event) {
        return Ok(None);
    }
    Ok(state.store.show(chart.show).await?)
}
