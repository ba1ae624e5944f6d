//! `GET /tenants/{id}/members`

use axum::response::Response;
use http::StatusCode;

use super::body::MemberBody;
use super::{MANAGE_MEMBERS, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// The members of a tenant, the oldest membership first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/members", operation_id = "list_members", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The members", body = Success<Vec<MemberBody>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn members(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_MEMBERS)?;
    let call = call?;
    let tenant = call.accounts.tenant(id).await?;
    let members = call.accounts.members(tenant.tenant_id, call.now_ms).await?;
    let body: Vec<MemberBody> = members.into_iter().map(MemberBody::from).collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
