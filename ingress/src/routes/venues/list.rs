//! `GET /venues`

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::VenueBody;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::managers::READ_SALES;
use crate::routes::paging::Paging;
use crate::state::AppState;

/// Which page of the venues.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VenuesQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 100 (default 20).
    per_page: Option<u32>,
}

/// List the venues of the caller's tenant by name.
///
/// For operators these are the venues of all tenants.
#[utoipa::path(
    get, path = "/api/v1/venues", operation_id = "list_venues", tag = "venues", params(VenuesQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta` has `page`, `per_page` and `total`", body = Success<Vec<VenueBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    Query(query): Query<VenuesQuery>,
) -> Result<Response, ApiError> {
    caller.permit(&READ_SALES)?;
    let paging = Paging::of(query.page, query.per_page)?;
    let found = state
        .store
        .venues(caller.scope(), paging.page, paging.per_page)
        .await?;
    let bodies: Vec<VenueBody> = found.rows.into_iter().map(VenueBody::from).collect();
    envelope::success_page(&context, &bodies, &paging.meta(found.total))
}
