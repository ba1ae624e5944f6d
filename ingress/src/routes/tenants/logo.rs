//! `GET /tenants/{id}/logo`

use axum::response::Response;

use super::belongs;
use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::logos;
use crate::values::FileBody;

/// The logo that a tenant has now, for those who belong to it.
///
/// Everybody finds it where the branding says.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/logo", operation_id = "get_tenant_logo", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The picture", content_type = "image/png", body = FileBody),
        (status = 404, description = "`NOT_FOUND`, as where it has none", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or there is no place for uploads", body = Problem),
    ),
)]
pub(crate) async fn logo(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    belongs(&caller, id)?;
    let call = call?;
    let row = call.accounts.branding(id).await?;
    let logo = row.logo.ok_or_else(|| ApiError::not_found("logo"))?;
    let file = call.state.files.logo(logo.logo_id).await?;
    Ok(logos::png(file))
}
