//! `PATCH /tenants/{id}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{Action, SLUG_MAX_BYTES, TENANT_NAME_MAX_CHARS};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::TenantBody;
use super::{MANAGE_TENANT, acting, permit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of, SLUG};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;

const SCHEMA: &str = "TenantChange";

pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field(SCHEMA, "name"),
        Bound::Line(TENANT_NAME_MAX_CHARS),
    ),
    (Of::Field(SCHEMA, "slug"), Bound::Form(SLUG, SLUG_MAX_BYTES)),
];

/// What changes of a tenant; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    name: Option<String>,
    /// Its name in addresses: small letters, digits and hyphens.
    slug: Option<String>,
}

impl RequestBody for TenantChange {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_TENANT)
    }
}

/// Change the names of a tenant.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{id}", operation_id = "change_tenant", tag = "tenants",
    request_body = TenantChange,
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The tenant as it is now", body = Success<TenantBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SLUG_TAKEN`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn change(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    body: JsonBody<TenantChange>,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_TENANT)?;
    let call = call?;
    let TenantChange { name, slug } = &body.value;
    let by = acting(&caller, &call, Action::ManageTenant);
    let tenant = call
        .accounts
        .change_tenant(id, name.as_deref(), slug.as_deref(), &by)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &TenantBody::from(tenant))
}
