//! `POST /tenants`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{SLUG_MAX_BYTES, TENANT_NAME_MAX_CHARS};
use onsale_store::account::Requirement;
use serde::Deserialize;
use utoipa::ToSchema;

use super::acting_as;
use super::body::TenantBody;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of, SLUG};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;

const SCHEMA: &str = "TenantRequest";

pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field(SCHEMA, "name"),
        Bound::Line(TENANT_NAME_MAX_CHARS),
    ),
    (Of::Field(SCHEMA, "slug"), Bound::Form(SLUG, SLUG_MAX_BYTES)),
];

/// The names of a new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantRequest {
    #[schema(example = "Opera House")]
    name: String,
    /// Its name in addresses: small letters, digits and hyphens.
    #[schema(example = "opera-house")]
    slug: String,
}

impl RequestBody for TenantRequest {
    fn admit(caller: &Caller, state: &AppState) -> Result<(), ApiError> {
        let accounts = state.accounts.as_ref();
        let is_open = accounts.is_some_and(|accounts| accounts.has_self_service_tenants());
        match caller.role {
            Role::Operator => Ok(()),
            Role::Buyer | Role::Organizer if is_open && caller.session.is_some() => Ok(()),
            _ => Err(ApiError::forbidden(
                "Tenants are opened by operators here. (Where staff needs a second factor, its rights begin \
                 once that is set up.)",
            )),
        }
    }
}

/// Open a tenant.
///
/// One of an operator has no member yet: invite its owner. Where `accounts.self_service_tenants` is set,
/// everyone opens tenants and owns them whose e-mail address is verified and known to be the account's person's; sign
/// in again with the `tenant_id` to act for it.
#[utoipa::path(
    post, path = "/api/v1/tenants", operation_id = "create_tenant", tag = "tenants",
    request_body = TenantRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The tenant is open", body = Success<TenantBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`; `EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`, as of `take_over_guest_bookings`", body = Problem),
        (status = 409, description = "`SLUG_TAKEN`; `QUOTA_EXCEEDED`: the caller owns as many as it may", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn create(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    body: JsonBody<TenantRequest>,
) -> Result<Response, ApiError> {
    let call = call?;
    let (owner, requires) = match caller.role {
        Role::Operator => (None, Requirement::Admin),
        _ => {
            let person = call.accounts.owner_of_address(caller.user.0).await?;
            (Some(person.user_id), Requirement::OwnsAddress)
        }
    };
    let TenantRequest { name, slug } = &body.value;
    let by = acting_as(&caller, &call, requires);
    let tenant = call
        .accounts
        .open_tenant(name, slug, owner, &by, call.now_ms)
        .await?;
    envelope::success(
        &call.context,
        StatusCode::CREATED,
        &TenantBody::from(tenant),
    )
}
