//! `POST /auth/logout`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::AccountError;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
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

/// End a session. Its refresh token is good no more; its access token until it expires.
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
    call: Result<AccountCall, ApiError>,
    body: JsonBody<LogoutRequest>,
) -> Result<Response, ApiError> {
    let shown = body.value.refresh_token;
    if caller.is_none() && shown.is_none() {
        return Err(Caller::missing());
    }
    let call = call?;
    let AccountCall {
        accounts,
        origin,
        now_ms,
        ..
    } = &call;
    if let Some(token) = &shown {
        accounts
            .logout_with(token.expose(), origin, *now_ms)
            .await?;
    } else if let Some(caller) = caller
        && let Some(session) = caller.session
    {
        let (user, role) = (caller.user.0, caller.role);
        let ended = accounts.end_session(user, role, session, origin, *now_ms);
        match ended.await {
            // To end it again is no mistake.
            Ok(()) | Err(AccountError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
