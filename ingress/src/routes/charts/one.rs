//! `GET /charts/{address}`

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_halls::Address;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathName;
use crate::state::AppState;
use crate::versions;

/// What has that address never changes.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A chart in the format `onsale-chart/1`, for the document alone.
pub(crate) enum CompactChart {}

impl PartialSchema for CompactChart {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A chart in the format `onsale-chart/1`"))
            .into()
    }
}

impl ToSchema for CompactChart {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CompactChart")
    }
}

/// The chart of a show that was made from a map, in the compact form that a page draws.
///
/// `GET /shows/{id}/seats` says where it is. The body is the chart itself (`onsale-chart/1`: the seats in columns,
/// in the order of their indexes in the show) and nothing around it: its address is the BLAKE3 of it, so it may be
/// kept for ever. Who knows the address may read it.
#[utoipa::path(
    get, path = "/api/v1/charts/{address}", operation_id = "get_chart", tag = "venues",
    params(
        ("address" = String, Path, description = "64 hexadecimal digits"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The chart", content_type = "application/json", body = CompactChart, headers(("ETag" = String))),
        (status = 304, description = "The chart is the one you have"),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    PathName(address): PathName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("chart");
    let address = Address::parse(&address).ok_or_else(nothing)?;
    // What callers share is read for the installation.
    let read = async {
        state
            .installation
            .chart(address.0)
            .await?
            .ok_or_else(nothing)
    };
    let chart = state.halls.chart(address, read).await?;
    // Of the chart itself, also where it is compressed on its way.
    let tag = format!("W/\"{address}\"");
    let mut response = if versions::is_known(&headers, &tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        chart.response(JSON, Vec::new(), &headers).await?
    };
    versions::set_tag(response.headers_mut(), &tag)?;
    response.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(response)
}
