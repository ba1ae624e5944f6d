//! `GET /tenants/{id}`

use axum::response::Response;
use http::StatusCode;

use super::belongs;
use super::body::TenantBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// A tenant, for those who belong to it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}", operation_id = "get_tenant", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The tenant", body = Success<TenantBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn one(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    belongs(&caller, id)?;
    let call = call?;
    let tenant = call.accounts.tenant(id).await?;
    envelope::success(&call.context, StatusCode::OK, &TenantBody::from(tenant))
}
