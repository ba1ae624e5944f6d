//! `GET /shows/{id}/availability`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use onsale_schemas::ShowId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Chart;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::live::{AvailabilityBody, CompactBody, Format, LiveShow};
use crate::routes::visible;
use crate::state::AppState;

/// What its requests, and those for the stream, may hold.
pub(super) const BOUNDS: Bounds = &[(Of::Parameter("format"), Bound::OneOf(&["full", "compact"]))];

/// How the state is written.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormatQuery {
    /// `full` (default): every seat that is not free by its id. `compact`: bits by seat, for shows
    /// with many seats.
    #[param(value_type = Option<String>)]
    pub(super) format: Option<Format>,
}

/// Either form, as asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "the answer is written elsewhere; this is its document"
)]
pub(crate) enum AvailabilityAnswer {
    /// `format=full`.
    Full(AvailabilityBody),
    /// `format=compact`.
    Compact(CompactBody),
}

/// What is free now.
///
/// A large state is rendered at most once per moment and shared by all readers.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/availability", operation_id = "get_availability", tag = "availability",
    params(("id" = Uuid, Path, description = "The show"), FormatQuery),
    responses(
        (status = 200, description = "What is free in each zone", body = Success<AvailabilityAnswer>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 503, description = "`PARTITION_UNAVAILABLE`, `OVERLOADED`", body = Problem),
    ),
)]
pub(crate) async fn availability(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<FormatQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let chart = visible::chart(&state, caller.as_ref(), ShowId(id)).await?;
    let live = live(&state, &chart).await?;
    let answer = live.answer(query.format.unwrap_or_default())?;
    answer.success(&context, &headers).await
}

/// The live view of a show, ready to be read.
pub(super) async fn live(state: &AppState, chart: &Arc<Chart>) -> Result<Arc<LiveShow>, ApiError> {
    let live = state.live.open(chart)?;
    match tokio::time::timeout(state.config.http.reply_deadline(), live.ready()).await {
        Ok(ready) => {
            ready?;
            // Somebody may have repaired the catalog, of which no record tells.
            live.renew(chart);
            Ok(live)
        }
        Err(_) => Err(ApiError::overloaded(
            "Live availability is still starting for this show; try again.",
        )),
    }
}
