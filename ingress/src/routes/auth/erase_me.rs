//! `DELETE /auth/me`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Confirmation;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use super::delivery;
use crate::auth::{ByCookie, Caller};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::remembered;
use crate::state::AppState;

/// The account's password, so that a token that was left open somewhere is not enough.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseRequest {
    /// Of an account that has one; others sign in again just before.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for EraseRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Erase the caller's account for good.
///
/// Address, name, number, password, sessions, links, memberships and linked accounts elsewhere are deleted.
/// Bookings stay for as long as the law wants them, under an id that names nobody any more; the audit trail says what was erased.
/// Access tokens last until they expire. What the account took over from guests goes with it, and where the
/// address is verified, what was bought as a guest with it. A guest's token erases that guest.
#[utoipa::path(
    delete, path = "/api/v1/auth/me", operation_id = "erase_me", tag = "accounts",
    request_body = Option<EraseRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account is erased", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the account's second factor first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 403, description = "`SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 409, description = "`LAST_OWNER`: a tenant would be without an owner", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn erase_me(
    caller: Caller,
    by: Option<ByCookie>,
    call: AccountCall,
    body: JsonBody<EraseRequest>,
) -> Result<Response, ApiError> {
    // What a repeat is told, whatever becomes of this process: written down with the erasure.
    let kept = remembered::kept(by.is_some(), &DONE)?;
    let answer = (StatusCode::OK.as_u16(), kept.as_slice());
    if caller.guest.is_some() {
        call.accounts
            .erase_guest(caller.user.0, answer, &call.origin, call.now_ms)
            .await?;
        let done = envelope::success(&call.context, StatusCode::OK, &DONE)?;
        return delivery::forget(&call, by, done);
    }
    let confirmation = Confirmation {
        session: caller.session,
        password: body.value.password.as_ref(),
    };
    call.count_confirmation(caller.user).await?;
    call.accounts
        .erase(
            caller.user.0,
            confirmation,
            answer,
            &call.origin,
            call.now_ms,
        )
        .await?;
    let done = envelope::success(&call.context, StatusCode::OK, &DONE)?;
    delivery::forget(&call, by, done)
}
