//! `GET /venues/{id}/maps/{map_id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_store::venue::MapId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::map_body::{MapBody, MapWithHall};
use super::seen;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathIds, Query};
use crate::halls;
use crate::state::AppState;
use crate::versions;

pub(super) const BOUNDS: Bounds = &[(Of::Parameter("version"), Bound::Range(1, u32::MAX as u64))];

/// Which version of a map.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapQuery {
    /// The last one when left out.
    version: Option<u32>,
}

/// A map with its hall.
#[utoipa::path(
    get, path = "/api/v1/venues/{id}/maps/{map_id}", operation_id = "get_map", tag = "venues",
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ("map_id" = Uuid, Path, description = "The map"),
        MapQuery,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "That version of the map", body = Success<MapWithHall>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathIds(venue_id, map_id): PathIds,
    Query(query): Query<MapQuery>,
) -> Result<Response, ApiError> {
    seen(&state, &caller, venue_id).await?;
    let id = MapId { venue_id, map_id };
    let found = state.store.map_version(id, query.version).await?;
    let found = found.ok_or_else(|| ApiError::not_found("map"))?;
    let tag = versions::tag(found.row.version.into(), None);
    let data = state
        .halls
        .work(move || {
            // The hall is JSON already: it stands behind the last field as it is.
            let mut data =
                serde_json::to_vec(&MapBody::from(found.row)).map_err(ApiError::internal)?;
            let hall = halls::inflate_hall(&found.hall)?;
            data.truncate(data.len().saturating_sub(1));
            data.extend_from_slice(b",\"hall\":");
            data.extend_from_slice(&hall);
            data.push(b'}');
            Ok(data)
        })
        .await?;
    let mut response = envelope::success_of_command(&context, None, StatusCode::OK, &data);
    versions::set_tag(response.headers_mut(), &tag)?;
    Ok(response)
}
