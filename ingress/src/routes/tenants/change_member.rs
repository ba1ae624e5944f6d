//! `PATCH /tenants/{id}/members/{user}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{ROLES, role};
use super::{MANAGE_MEMBERS, acting, permit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathIds, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(Of::Field("MemberChange", "role"), Bound::OneOf(ROLES))];

/// What changes of a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: String,
}

impl RequestBody for MemberChange {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_MEMBERS)
    }
}

/// Give a member another role.
///
/// The person's sessions end, for their tokens say the old one; invitations to it, and those that it sent as an
/// owner, are withdrawn.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{id}/members/{user}", operation_id = "change_member", tag = "tenants",
    request_body = MemberChange,
    params(
        ("id" = Uuid, Path, description = "The tenant"),
        ("user" = Uuid, Path, description = "The member"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The role is changed", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAST_OWNER`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn change_member(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathIds(id, user): PathIds,
    body: JsonBody<MemberChange>,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_MEMBERS)?;
    let role = role(&body.value.role)?;
    let call = call?;
    let by = acting(&caller, &call, Action::ManageMembers);
    call.accounts
        .change_member(id, user, role, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
