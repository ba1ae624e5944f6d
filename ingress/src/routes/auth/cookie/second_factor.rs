//! `POST /auth/cookie/login/second-factor`

use axum::response::Response;

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::factors::second_step::{SecondFactorRequest, answer};

/// Sign in in a browser: the second step.
///
/// As `POST /auth/login/second-factor`, with tokens in cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/login/second-factor", operation_id = "cookie_second_factor", tag = "accounts",
    request_body = SecondFactorRequest,
    responses(
        (status = 200, description = "Signed in; three `Set-Cookie`", body = Success<SignedInBrowserBody>),
        (status = 401, description = "`INVALID_CODE`: it is wrong, or was used before", body = Problem),
        (status = 403, description = "`CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to the tenant that was named", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: it was answered, took too long or too many codes; sign in again", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many codes were tried on this account", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn cookie_second_factor(
    call: AccountCall,
    body: JsonBody<SecondFactorRequest>,
) -> Result<Response, ApiError> {
    answer(call, body, Form::Cookies).await
}
