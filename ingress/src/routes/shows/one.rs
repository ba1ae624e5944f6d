//! `GET /shows/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::ShowId;

use super::body::ShowBody;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::visible;
use crate::state::AppState;
use crate::versions;

/// One show.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}", operation_id = "get_show", tag = "catalog",
    params(("id" = Uuid, Path, description = "The show")),
    responses(
        (status = 200, description = "The show; `ETag` is its version, which `If-Match` takes", body = Success<ShowBody>, headers(("ETag" = String))),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let chart = visible::chart(&state, caller.as_ref(), ShowId(id)).await?;
    // Before the row: a tag that is older than what it comes with only makes a change be sent once more.
    let found = state.store.catalog_versions(chart.event, Some(ShowId(id)));
    let (_, version) = found.await?;
    let row = state.charts.show(ShowId(id)).await?;
    let mut response = envelope::success(&context, StatusCode::OK, &ShowBody::of(&row))?;
    if let Some(version) = version {
        versions::set_tag(response.headers_mut(), &versions::tag(version, None))?;
    }
    Ok(response)
}
