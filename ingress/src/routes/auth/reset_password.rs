//! `POST /auth/reset-password`

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
    Of::Field("ResetPasswordRequest", "password"),
    Bound::Between(PASSWORD_MIN_CHARS, PASSWORD_MAX_BYTES),
)];

/// The token of a link and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPasswordRequest {
    #[schema(value_type = String)]
    token: Private,
    #[schema(value_type = String)]
    password: Private,
}

impl RequestBody for ResetPasswordRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Set a new password by the token of a mailed link.
///
/// Every session of the account ends. Its second factors stay where account and mailbox were known to be one
/// person's; otherwise they are removed, because someone else may have set them up. The address is told by mail.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password", operation_id = "reset_password", tag = "accounts",
    request_body = ResetPasswordRequest,
    responses(
        (status = 200, description = "The password is set", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: a password that is tried first", body = Problem),
        (status = 410, description = "`LINK_EXPIRED`: this link or another one to the account was used, or it is too old", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn reset_password(
    call: AccountCall,
    body: JsonBody<ResetPasswordRequest>,
) -> Result<Response, ApiError> {
    let ResetPasswordRequest { token, password } = &body.value;
    call.accounts
        .reset_password(token, password, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
