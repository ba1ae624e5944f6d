//! `GET /shows/{id}/codes`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::ShowId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::CodeGroupBody;
use super::managed;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathId, Query};
use crate::routes::paging::Paging;
use crate::state::AppState;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodesQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20).
    per_page: Option<u32>,
}

/// The groups of codes of a show with their uses, the latest first, those that ended included.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/codes", operation_id = "list_codes", tag = "offers",
    params(("id" = Uuid, Path, description = "The show"), CodesQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta` holds `page`, `per_page` and `total`", body = Success<Vec<CodeGroupBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn codes(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    Query(query): Query<CodesQuery>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let paging = Paging::of(query.page, query.per_page)?;
    let (chart, _managed) = managed(&state, &caller, show).await?;
    let found = state
        .store
        .code_groups(show, paging.page, paging.per_page)
        .await?;
    let bodies: Vec<CodeGroupBody> = found
        .rows
        .iter()
        .map(|row| CodeGroupBody::of(row, &chart))
        .collect();
    envelope::success_page(&context, &bodies, &paging.meta(found.total))
}
