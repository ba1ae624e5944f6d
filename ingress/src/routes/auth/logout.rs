//! `POST /auth/logout`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::AccountError;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use super::delivery;
use crate::auth::{ByCookie, Caller};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

/// Whose session ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogoutRequest {
    /// For a client whose access token has expired. Left out, the access token's session ends.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Private>,
}

impl RequestBody for LogoutRequest {
    const OPTIONAL: bool = true;
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// End a session.
///
/// Its refresh token stops working at once, its access token when it expires.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "accounts",
    request_body = Option<LogoutRequest>,
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The session has ended", body = Success<DoneBody>),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn logout(
    caller: Option<Caller>,
    by: Option<ByCookie>,
    call: Result<AccountCall, ApiError>,
    body: JsonBody<LogoutRequest>,
) -> Result<Response, ApiError> {
    let shown = body.value.refresh_token;
    if caller.is_none() && shown.is_none() {
        return Err(Caller::missing());
    }
    let call = call?;
    if let Some(token) = &shown {
        call.accounts
            .logout_with(token.expose(), &call.origin, call.now_ms)
            .await?;
    } else if let Some(caller) = caller {
        end_its_session(&call, &caller).await?;
    }
    let done = envelope::success(&call.context, StatusCode::OK, &DONE)?;
    delivery::forget(&call, by, done)
}

/// Ends the session that a caller's token belongs to, if there is one.
pub(super) async fn end_its_session(call: &AccountCall, caller: &Caller) -> Result<(), ApiError> {
    let Some(session) = caller.session else {
        return Ok(());
    };
    let ended = call
        .accounts
        .end_session(caller.user.0, session, &call.origin, call.now_ms);
    match ended.await {
        // To end it again is no mistake.
        Ok(()) | Err(AccountError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
