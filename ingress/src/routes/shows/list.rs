//! `GET /events/{id}/shows`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::EventId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::ShowBody;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::paging::Paging;
use crate::routes::visible;
use crate::state::AppState;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowsQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20).
    per_page: Option<u32>,
}

/// The shows of an event by their beginning, a page at a time.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/shows", operation_id = "list_shows", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event"), ShowsQuery),
    responses(
        (status = 200, description = "`meta` holds `page`, `per_page` and `total`", body = Success<Vec<ShowBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn shows(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
    Query(query): Query<ShowsQuery>,
) -> Result<Response, ApiError> {
    let paging = Paging::of(query.page, query.per_page)?;
    let event = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    let found = state
        .store
        .list_shows(event.event_id, paging.page, paging.per_page)
        .await?;
    let bodies: Vec<ShowBody> = found.rows.iter().map(ShowBody::listed).collect();
    envelope::success_page(&context, &bodies, &paging.meta(found.total))
}
