//! `POST /auth/cookie/oauth/session`

use axum::response::Response;
use http::HeaderMap;

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use super::super::oauth_session::{OAuthSessionRequest, finish};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Open a session in a browser that came back from a provider.
///
/// As `POST /auth/oauth/session`, with tokens in cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/oauth/session", operation_id = "cookie_finish_sign_in", tag = "accounts",
    request_body = OAuthSessionRequest,
    responses(
        (status = 200, description = "Signed in; three `Set-Cookie`, and the one of the sign-in is forgotten", body = Success<SignedInBrowserBody>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: as with `POST /auth/login`", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled; `CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 410, description = "`SIGN_IN_EXPIRED`: not of this browser, too late, or used before", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn cookie_finish_sign_in(
    call: AccountCall,
    headers: HeaderMap,
    body: JsonBody<OAuthSessionRequest>,
) -> Result<Response, ApiError> {
    finish(call, headers, body, Form::Cookies).await
}
