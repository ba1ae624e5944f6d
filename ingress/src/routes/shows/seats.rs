//! `GET /shows/{id}/seats`

use axum::extract::State;
use axum::response::Response;
use http::header::{ACCEPT, CACHE_CONTROL, LOCATION, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_schemas::ShowId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Document;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::charts;
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// It changes when the show gets or loses places, which should be seen soon; a reader that asks again with
/// its tag is answered in a few bytes.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=10, must-revalidate");
/// That of a draft may be kept by its reader only.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// By `Accept` another form may be asked for.
const BY_ACCEPT: HeaderValue = HeaderValue::from_static("accept");

/// The compact chart, for who asks by `Accept`.
const CHART_TYPE: &str = "application/vnd.onsale.chart+json";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(Of::Parameter("form"), Bound::OneOf(&["seats", "chart"]))];

/// In which form.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeatsQuery {
    /// `seats` (the default): zones with their rows and seats. `chart`: the compact chart with coordinates, which is
    /// at an address of its own; `Accept: application/vnd.onsale.chart+json` asks for it as well.
    #[param(value_type = Option<String>)]
    form: Option<Form>,
}

/// A form of the chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Seats,
    Chart,
}

/// The seat chart.
///
/// It changes only when the show gets or loses places, and has another `ETag` then; what is free is in
/// `/availability`.
///
/// The compact chart with coordinates (`form=chart`) is a redirection to `GET /charts/{address}`: what is there never
/// changes, so a client keeps it for ever and asks here again in a few bytes, and all shows of one map share it. A
/// show that was not made from a map has none: `form=chart` is 404 then, and who asks by `Accept` gets the seats.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/seats", operation_id = "get_seats", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The show"),
        SeatsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The seat chart", body = Success<Document>, headers(("ETag" = String))),
        (status = 307, description = "The compact chart is at `Location`", headers(("Location" = String))),
        (status = 304, description = "The chart is the one you have"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such show, or no compact chart of it", body = Problem),
    ),
)]
pub(crate) async fn seats(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<SeatsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let chart = visible::chart(&state, caller.as_ref(), ShowId(id)).await?;
    let caching = if chart.is_public() { PUBLIC } else { PRIVATE };
    let is_compact = match query.form {
        Some(form) => form == Form::Chart,
        None => chart.drawn.is_some() && takes_chart(&headers),
    };
    if is_compact {
        let drawn = chart.drawn.ok_or_else(|| {
            ApiError::not_found("compact chart of this show, which was not made from a map")
        })?;
        return redirection(&charts::path(drawn), caching);
    }
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
    response.headers_mut().insert(CACHE_CONTROL, caching);
    response.headers_mut().append(VARY, BY_ACCEPT);
    Ok(response)
}

/// The chart is elsewhere, for as long as the show has this one.
fn redirection(path: &str, caching: HeaderValue) -> Result<Response, ApiError> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let location = HeaderValue::from_str(path).map_err(ApiError::internal)?;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, caching);
    headers.append(VARY, BY_ACCEPT);
    Ok(response)
}

/// Whether a client names the compact chart as what it takes. That it takes anything says nothing.
fn takes_chart(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_named = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(CHART_TYPE));
            let is_refused = parts
                .filter_map(|part| part.split_once('='))
                .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .filter_map(|(_, weight)| weight.trim().parse::<f32>().ok())
                .any(|weight| weight <= 0.0);
            is_named && !is_refused
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_sent_to_who_names_it() {
        for (accept, takes) in [
            ("application/vnd.onsale.chart+json", true),
            (
                "application/json;q=0.5, Application/VND.onsale.chart+json; q=1",
                true,
            ),
            ("application/vnd.onsale.chart+json;q=0", false),
            ("application/json", false),
            ("*/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(takes_chart(&headers), takes, "{accept}");
        }
        assert!(!takes_chart(&HeaderMap::new()));
    }
}
