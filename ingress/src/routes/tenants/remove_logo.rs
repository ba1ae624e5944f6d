//! `DELETE /tenants/{id}/logo`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;

use super::branding_body::BrandingBody;
use super::{MANAGE_TENANT, acting, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// Take the logo of a tenant away.
///
/// Its file is deleted an hour later.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}/logo", operation_id = "remove_tenant_logo", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The branding as it is now", body = Success<BrandingBody>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn remove_logo(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_TENANT)?;
    let call = call?;
    let by = acting(&caller, &call, Action::ManageTenant);
    let row = call.accounts.set_logo(id, None, &by, call.now_ms).await?;
    envelope::success(&call.context, StatusCode::OK, &BrandingBody::from(row))
}
