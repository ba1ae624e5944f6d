//! `POST /invitations/{token}/accept`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathToken;
use crate::routes::auth::account_call::AccountCall;

/// What the caller belongs to now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Joined {
    tenant_id: Uuid,
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: &'static str,
}

/// Accept an invitation to a tenant, which was sent to the e-mail address of the caller's account.
///
/// Sign in again with the `tenant_id` to act for it.
#[utoipa::path(
    post, path = "/api/v1/invitations/{token}/accept", operation_id = "accept_invitation", tag = "tenants",
    params(("token" = String, Path, description = "As in the mail, behind `#token=`")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller belongs to the tenant", body = Success<Joined>),
        (status = 403, description = "`FORBIDDEN`: it was sent to another address", body = Problem),
        (status = 409, description = "`LAST_OWNER`: the caller is the only owner of the tenant", body = Problem),
        (status = 410, description = "`LINK_EXPIRED`: used before, too old, or withdrawn", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn accept(
    caller: Caller,
    call: AccountCall,
    PathToken(token): PathToken,
) -> Result<Response, ApiError> {
    let membership = call
        .accounts
        .accept_invitation(&token, caller.user.0, &call.origin, call.now_ms)
        .await?;
    let body = Joined {
        tenant_id: membership.tenant_id,
        role: membership.role.as_str(),
    };
    envelope::success(&call.context, StatusCode::OK, &body)
}
