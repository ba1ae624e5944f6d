//! `POST /auth/cookie/logout`

use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::super::account_call::AccountCall;
use super::super::body::{DONE, DoneBody};
use super::super::logout::end_its_session;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// End the session in the cookies of a browser, if there is one, and have it forget them.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/logout", operation_id = "cookie_logout", tag = "accounts",
    responses(
        (status = 200, description = "The browser is signed out", body = Success<DoneBody>),
        (status = 403, description = "`CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn cookie_logout(
    caller: Option<Caller>,
    call: AccountCall,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cookies = call.state.cookies;
    match (cookies.refresh(&headers), caller) {
        (Some(token), _) => {
            call.accounts
                .logout_with(token, &call.origin, call.now_ms)
                .await?;
        }
        (None, Some(caller)) => end_its_session(&call, &caller).await?,
        (None, None) => {}
    }
    let mut response = envelope::success(&call.context, StatusCode::OK, &DONE)?;
    cookies.forget(response.headers_mut())?;
    Ok(response)
}
