//! `POST /auth/change-password`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(
    Of::Field("ChangePasswordRequest", "new_password"),
    Bound::Between(PASSWORD_MIN_CHARS, PASSWORD_MAX_BYTES),
)];

/// The old password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePasswordRequest {
    #[schema(value_type = String)]
    current_password: Private,
    #[schema(value_type = String)]
    new_password: Private,
}

impl RequestBody for ChangePasswordRequest {
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Change the caller's password.
///
/// Every other session of the account ends, and accounts elsewhere are unlinked whose provider does not vouch for the
/// address. A verified address is told by mail.
#[utoipa::path(
    post, path = "/api/v1/auth/change-password", operation_id = "change_password", tag = "accounts",
    request_body = ChangePasswordRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The password is changed", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: a password that is tried first, or the one that the account has", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the current password is another; `SECOND_FACTOR_REQUIRED`: show the account's second factor first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 409, description = "`NO_PASSWORD`: the account has none; a mailed link sets the first one", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn change_password(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<ChangePasswordRequest>,
) -> Result<Response, ApiError> {
    let ChangePasswordRequest {
        current_password,
        new_password,
    } = &body.value;
    call.count_confirmation(caller.user).await?;
    call.accounts
        .change_password(
            caller.user.0,
            caller.session,
            current_password,
            new_password,
            &call.origin,
            call.now_ms,
        )
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
