//! `DELETE /tenants/{id}/members/{user}`

use axum::response::Response;
use http::StatusCode;

use super::{MANAGE_MEMBERS, belongs, permit};
use crate::audit;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathIds;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};

/// Remove a member, or leave. The person's sessions end.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}/members/{user}", operation_id = "remove_member", tag = "tenants",
    params(
        ("id" = Uuid, Path, description = "The tenant"),
        ("user" = Uuid, Path, description = "The member"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The membership has ended", body = Success<DoneBody>),
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
    if caller.user.0 == user && caller.member.is_some() {
        belongs(&caller, id)?;
    } else {
        permit(&caller, id, &MANAGE_MEMBERS)?;
    }
    let call = call?;
    let by = audit::actor(&caller, &call.context);
    call.accounts
        .remove_member(id, user, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
