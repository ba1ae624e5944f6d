//! `POST /auth/cookie/guest`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::account_call::AccountCall;
use super::super::guest::{GuestRequest, open};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// A guest in a browser. Its token is in a cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestBrowser)]
pub(crate) struct GuestBrowserBody {
    guest_id: Uuid,
    /// After how many seconds it is over.
    expires_in: u64,
}

/// Buy without an account in a browser.
///
/// As `POST /auth/guest`, with the token in a cookie.
#[utoipa::path(
    post, path = "/api/v1/auth/cookie/guest", operation_id = "cookie_guest", tag = "accounts", request_body = GuestRequest,
    responses(
        (status = 201, description = "A guest; one `Set-Cookie`", body = Success<GuestBrowserBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address", body = Problem),
        (status = 403, description = "`FORBIDDEN`: guests do not buy here; `CROSS_SITE_REQUEST`: the page that asks is not this server's", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many from this address, or for this address of e-mail", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn cookie_guest(
    call: AccountCall,
    body: JsonBody<GuestRequest>,
) -> Result<Response, ApiError> {
    let guest = open(&call, body.value).await?;
    let life_seconds = guest.expires_in_seconds;
    let body = GuestBrowserBody {
        guest_id: guest.guest_id,
        expires_in: life_seconds,
    };
    let mut response = envelope::success(&call.context, StatusCode::CREATED, &body)?;
    let token = guest.access_token.expose();
    let headers = response.headers_mut();
    call.state
        .cookies
        .keep_access(headers, token, life_seconds)?;
    Ok(response)
}
