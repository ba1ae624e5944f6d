//! `GET /venues/{id}/maps`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::map_body::MapBody;
use super::seen;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;

/// List the maps of a venue by name, each at its last version.
#[utoipa::path(
    get, path = "/api/v1/venues/{id}/maps", operation_id = "list_maps", tag = "venues",
    params(("id" = Uuid, Path, description = "The venue")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The maps, without their halls", body = Success<Vec<MapBody>>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let venue = seen(&state, &caller, id).await?;
    let rows = state.store.maps_of_venue(venue.venue_id).await?;
    let bodies: Vec<MapBody> = rows.into_iter().map(MapBody::from).collect();
    envelope::success(&context, StatusCode::OK, &bodies)
}
