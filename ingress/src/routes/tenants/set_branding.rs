//! `PUT /tenants/{id}/branding`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;

use super::branding_body::{BrandingBody, BrandingRequest};
use super::{MANAGE_TENANT, acting, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;

impl RequestBody for BrandingRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_TENANT)
    }
}

/// Say how a tenant looks to buyers, in place of what was said before.
///
/// Its name and slug are changed by `PATCH /tenants/{id}`, its logo by `PUT /tenants/{id}/logo`.
#[utoipa::path(
    put, path = "/api/v1/tenants/{id}/branding", operation_id = "set_tenant_branding", tag = "tenants",
    request_body = BrandingRequest,
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The branding as it is now", body = Success<BrandingBody>),
        (status = 400, description = "`VALIDATION_ERROR`; for texts that cannot be read on their colours, `details.contrast` is what was found and `details.contrast_min` what is needed", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn set_branding(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    body: JsonBody<BrandingRequest>,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_TENANT)?;
    let call = call?;
    let said = body.value.into_branding();
    let by = acting(&caller, &call, Action::ManageTenant);
    let row = call
        .accounts
        .set_branding(id, &said, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &BrandingBody::from(row))
}
