//! `PUT /tenants/{id}/logo`

use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_store::branding::{Logo, logo_name};
use onsale_uploads::IMAGE_MAX_BYTES;

use super::branding_body::BrandingBody;
use super::{MANAGE_TENANT, acting, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{self, PathId};
use crate::ids;
use crate::rate_limit::{Class, Key};
use crate::routes::auth::account_call::AccountCall;
use crate::uploads;
use crate::values::FileBody;

/// Give a tenant a logo: a PNG, a JPEG, or an SVG of shapes and gradients, of at most 1 MiB and 16 million pixels.
///
/// The file itself says which of these it is. It is drawn anew as a PNG of at most 512 pixels a side, without
/// anything else that was in the file.
#[utoipa::path(
    put, path = "/api/v1/tenants/{id}/logo", operation_id = "set_tenant_logo", tag = "tenants",
    request_body(content = FileBody, content_type = "application/octet-stream", description = "The file as it is"),
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The branding as it is now", body = Success<BrandingBody>),
        (status = 400, description = "`VALIDATION_ERROR`: it is no image that is taken", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or there is no place for uploads", body = Problem),
    ),
)]
pub(crate) async fn set_logo(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    request: Request,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_TENANT)?;
    let call = call?;
    let files = &call.state.files;
    let place = files.uploads()?;
    // Who may not, or has no such tenant, sends nothing.
    call.accounts.tenant(id).await?;
    let (sent, share) = extract::file(request, IMAGE_MAX_BYTES, &caller, &call.state).await?;
    let picture = files.picture(sent).await?;
    drop(share);
    // What is kept takes room for all of the tenant's people.
    let limits = &call.state.limits;
    let counted = limits.check(Class::UploadByTenant, Key::Account(id.into_bytes()));
    counted.map(drop).map_err(|(error, _passed)| error)?;
    let logo = Logo {
        logo_id: ids::random(),
        width: picture.width,
        height: picture.height,
    };
    // Before the file is put there, so that nothing of it stays if this ends here.
    call.accounts.announce_logo(logo.logo_id).await?;
    place
        .put(&logo_name(logo.logo_id), picture.png)
        .await
        .map_err(uploads::unavailable)?;
    let by = acting(&caller, &call, Action::ManageTenant);
    let row = call
        .accounts
        .set_logo(id, Some(logo), &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &BrandingBody::from(row))
}
