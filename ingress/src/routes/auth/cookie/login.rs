//! `POST /auth/cookie/login`

use axum::response::Response;

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use super::super::login::{LoginRequest, sign_in};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Sign in in a browser.
///
/// As `POST /auth/login`, with tokens in cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/login", operation_id = "cookie_login", tag = "accounts", request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in; three `Set-Cookie`", body = Success<SignedInBrowserBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`; `SECOND_FACTOR_REQUIRED`: `POST /auth/cookie/login/second-factor` answers its challenge; `INVALID_CODE`", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled; `CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many attempts from this address, or on this account", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn cookie_login(
    call: AccountCall,
    body: JsonBody<LoginRequest>,
) -> Result<Response, ApiError> {
    sign_in(call, body, Form::Cookies).await
}
