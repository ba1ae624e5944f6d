//! `GET /tenants/{id}/branding`

use axum::response::Response;
use http::StatusCode;

use super::belongs;
use super::branding_body::BrandingBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// How a tenant looks to buyers, for those who belong to it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/branding", operation_id = "get_tenant_branding", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The branding, empty where nothing was said", body = Success<BrandingBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn branding(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    belongs(&caller, id)?;
    let call = call?;
    let row = call.accounts.branding(id).await?;
    envelope::success(&call.context, StatusCode::OK, &BrandingBody::from(row))
}
