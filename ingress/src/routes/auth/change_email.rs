//! `POST /auth/change-email`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::PASSWORD_MAX_BYTES;
use onsale_accounts::{Confirmation, EMAIL_MAX_BYTES};
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

const SCHEMA: &str = "ChangeEmailRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (
        Of::Field(SCHEMA, "password"),
        Bound::Length(PASSWORD_MAX_BYTES),
    ),
];

/// The new address, and what confirms who asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEmailRequest {
    #[schema(value_type = String, example = "somebody@example.test")]
    email: Private,
    /// Of an account that has one.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for ChangeEmailRequest {
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Have a link sent to another address, which makes it the caller's (`POST /auth/confirm-email`).
///
/// The answer is the same whether or not an account has it already.
///
/// The address that the account has is told. Until the link is followed nothing changes; the next request, and another
/// password, make it useless.
#[utoipa::path(
    post, path = "/api/v1/auth/change-email", operation_id = "change_email", tag = "accounts",
    request_body = ChangeEmailRequest,
    security(("bearer" = [])),
    responses(
        (status = 202, description = "A link is sent to the new address", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address, or the one that the account has; the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the account's second factor first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 403, description = "`SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many from this address, of this account, or to this address of e-mail", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn change_email(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<ChangeEmailRequest>,
) -> Result<Response, ApiError> {
    let ChangeEmailRequest { email, password } = &body.value;
    call.count_confirmation(caller.user).await?;
    let confirmation = Confirmation {
        session: caller.session,
        password: password.as_ref(),
    };
    let user = caller.user.0;
    call.accounts
        .change_email(user, confirmation, email, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::ACCEPTED, &DONE)
}
