//! `POST /auth/cookie/register`

use axum::response::Response;

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use super::super::register::{RegisterRequest, create};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Create an account and sign in in a browser.
///
/// As `POST /auth/register`, with tokens in cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/register", operation_id = "cookie_register", tag = "accounts", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account is created and signed in; three `Set-Cookie`", body = Success<SignedInBrowserBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address, or a password that is tried first", body = Problem),
        (status = 403, description = "`FORBIDDEN`: registration is closed; `CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 409, description = "`EMAIL_TAKEN`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn cookie_register(
    call: AccountCall,
    body: JsonBody<RegisterRequest>,
) -> Result<Response, ApiError> {
    create(call, body, Form::Cookies).await
}
