//! `GET /tenants/{id}/members`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;

use super::body::MemberBody;
use super::{MANAGE_MEMBERS, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::still;

/// The members of a tenant, the oldest membership first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/members", operation_id = "list_members", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The members", body = Success<Vec<MemberBody>>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
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
    still::check(
        &call.state,
        &caller,
        still::required(&caller, Action::ManageMembers),
    )
    .await?;
    let tenant = call.accounts.tenant(id).await?;
    let members = call.accounts.members(tenant.tenant_id, call.now_ms).await?;
    let body: Vec<MemberBody> = members.into_iter().map(MemberBody::from).collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
