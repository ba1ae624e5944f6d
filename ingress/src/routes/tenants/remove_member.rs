//! `DELETE /tenants/{id}/members/{user}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_schemas::MemberRole;
use onsale_store::account::Requirement;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MANAGE_MEMBERS, acting, acting_as, belongs, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathIds;
use crate::routes::auth::account_call::AccountCall;

/// A member is removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberRemoved {
    /// True.
    done: bool,
    /// The API keys that the person created and that are good still: revoke those that nobody needs.
    api_keys: Vec<Uuid>,
}

/// Remove a member, or leave.
///
/// The person's sessions end; invitations to it, and those that it sent, are withdrawn. API keys that it created
/// stay, and are named.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}/members/{user}", operation_id = "remove_member", tag = "tenants",
    params(
        ("id" = Uuid, Path, description = "The tenant"),
        ("user" = Uuid, Path, description = "The member"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The membership has ended", body = Success<MemberRemoved>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); who leaves need not; `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAST_OWNER`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn remove_member(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathIds(id, user): PathIds,
) -> Result<Response, ApiError> {
    let leaves = caller.user.0 == user && caller.member.is_some();
    if leaves {
        belongs(&caller, id)?;
    } else {
        permit(&caller, id, &MANAGE_MEMBERS)?;
    }
    let call = call?;
    let by = if leaves {
        acting_as(&caller, &call, Requirement::Member(id, &MemberRole::ALL))
    } else {
        acting(&caller, &call, Action::ManageMembers)
    };
    let api_keys = call
        .accounts
        .remove_member(id, user, &by, call.now_ms)
        .await?;
    let body = MemberRemoved {
        done: true,
        api_keys,
    };
    envelope::success(&call.context, StatusCode::OK, &body)
}
