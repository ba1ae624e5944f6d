//! `DELETE /tenants/{id}/invitations/{invitation}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;

use super::{MANAGE_MEMBERS, acting, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathIds;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};

/// Withdraw an invitation.
///
/// Its link leads to nothing, and a mail that was not sent yet is not sent.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}/invitations/{invitation}", operation_id = "withdraw_invitation",
    tag = "tenants",
    params(
        ("id" = Uuid, Path, description = "The tenant"),
        ("invitation" = Uuid, Path, description = "The invitation's id"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The invitation is withdrawn", body = Success<DoneBody>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: none that waits for an answer", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn withdraw_invitation(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathIds(id, invitation): PathIds,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_MEMBERS)?;
    let call = call?;
    let by = acting(&caller, &call, Action::ManageMembers);
    call.accounts
        .withdraw_invitation(id, invitation, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
