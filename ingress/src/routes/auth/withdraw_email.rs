//! `DELETE /auth/change-email`

use axum::response::Response;
use http::StatusCode;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// Withdraw another address that was asked for.
///
/// Where none waits nothing is done, and the answer is the same. The link that was mailed leads to nothing any more; a mail that was not sent yet is not sent.
#[utoipa::path(
    delete, path = "/api/v1/auth/change-email", operation_id = "withdraw_email_change", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "No change of address waits", body = Success<DoneBody>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn withdraw_email(
    caller: Caller,
    call: AccountCall,
) -> Result<Response, ApiError> {
    let (user, session) = (caller.user.0, caller.session);
    call.accounts
        .withdraw_email(user, session, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
