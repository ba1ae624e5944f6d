//! `GET /shows/{id}/zones`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::ShowId;
use serde::Serialize;
use utoipa::ToSchema;

use super::availability::live;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::live::ZoneAvailability;
use crate::routes::visible;
use crate::state::AppState;
use crate::values::Money;

/// A zone with its price and what is free of it now.
#[derive(Serialize, ToSchema)]
#[schema(as = Zone)]
pub(crate) struct ZoneBody {
    name: String,
    price: Money,
    /// `seated` or `general`.
    admission: &'static str,
    #[serde(flatten)]
    counts: ZoneAvailability,
}

/// The zones of a show with their prices and counts.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/zones", operation_id = "list_zones", tag = "catalog",
    params(("id" = Uuid, Path, description = "The show")),
    responses(
        (status = 200, description = "The zones with their prices and counts", body = Success<Vec<ZoneBody>>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 503, description = "`PARTITION_UNAVAILABLE`, `OVERLOADED`", body = Problem),
    ),
)]
pub(crate) async fn zones(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let chart = visible::chart(&state, caller.as_ref(), show).await?;
    let row = state.charts.show(show).await?;
    let live = live(&state, &chart).await?;
    let counts = live.zones().ok_or_else(|| {
        ApiError::overloaded("Live availability is still starting for this show; try again.")
    })?;
    let chart = live.chart();
    let bodies: Vec<ZoneBody> = row
        .zones
        .iter()
        .zip(chart.zones.iter().zip(counts))
        .map(|(row, (zone, counts))| ZoneBody {
            name: row.name.clone(),
            price: Money::new(row.unit_price, &row.currency),
            admission: zone.admission(),
            counts,
        })
        .collect();
    envelope::success(&context, StatusCode::OK, &bodies)
}
