//! `POST /auth/cookie/refresh`

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::super::account_call::AccountCall;
use super::super::delivery::{Form, SignedInBrowserBody};
use super::super::refresh::go_on;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};

/// Get new tokens in cookies for the refresh token in one, which is used up.
///
/// As `POST /auth/refresh`.
///
/// A session that is over takes its cookies with it.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/refresh", operation_id = "cookie_refresh", tag = "accounts",
    responses(
        (status = 200, description = "The next tokens; three `Set-Cookie`", body = Success<SignedInBrowserBody>),
        (status = 401, description = "`TOKEN_REUSED`: used before, the session has ended; `TOKEN_EXPIRED`: not used for too long; `UNAUTHORIZED`: no such session, or it has ended", body = Problem),
        (status = 403, description = "`CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn cookie_refresh(
    call: AccountCall,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cookies = call.state.cookies;
    let refreshed = match cookies.refresh(&headers) {
        Some(token) => go_on(&call, token, Form::Cookies).await,
        None => Err(ApiError::new(
            Code::Unauthorized,
            "There is no session in the cookies of this browser: sign in.",
        )),
    };
    match refreshed {
        Err(error) if error.code().status() == StatusCode::UNAUTHORIZED => {
            let mut response = error.into_response();
            cookies.forget(response.headers_mut())?;
            Ok(response)
        }
        refreshed => refreshed,
    }
}
