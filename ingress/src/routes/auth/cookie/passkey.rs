//! `POST /auth/cookie/passkey`

use axum::response::Response;

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::factors::passkey_sign_in::{PasskeySignInRequest, sign_in};

/// Sign in in a browser with a passkey.
///
/// As `POST /auth/passkeys/sign-in`, with tokens in cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/passkey", operation_id = "cookie_passkey", tag = "accounts",
    request_body = PasskeySignInRequest,
    responses(
        (status = 200, description = "Signed in; three `Set-Cookie`", body = Success<SignedInBrowserBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`: the passkey is not known here, or what it signed is not valid", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled; `CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: the ceremony was used or took too long; begin again", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many attempts from this address", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
    ),
)]
pub(crate) async fn cookie_passkey(
    call: AccountCall,
    body: JsonBody<PasskeySignInRequest>,
) -> Result<Response, ApiError> {
    sign_in(call, body, Form::Cookies).await
}
