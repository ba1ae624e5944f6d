//! `POST /auth/verify-email/resend`

use axum::response::Response;
use http::StatusCode;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// Have another link sent that verifies the caller's e-mail address.
///
/// Earlier ones stay good until one is used.
///
/// Nothing is sent where the address is verified and known to be the account's person's. Followed while signed in, the
/// link shows that of an address that is verified already, too.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email/resend", operation_id = "resend_verification", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 202, description = "A link is sent, or there is nothing left to show", body = Success<DoneBody>),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn resend_verification(
    caller: Caller,
    call: AccountCall,
) -> Result<Response, ApiError> {
    call.accounts
        .resend_verification(caller.user.0, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::ACCEPTED, &DONE)
}
