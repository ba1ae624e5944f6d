//! `GET /auth/sessions`

use axum::response::Response;
use http::StatusCode;

use super::account_call::AccountCall;
use super::body::SessionBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", operation_id = "list_sessions", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions", body = Success<Vec<SessionBody>>),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn sessions(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    let sessions = call.accounts.sessions(caller.user.0, call.now_ms).await?;
    let body: Vec<SessionBody> = sessions
        .into_iter()
        .map(|session| SessionBody::of(session, caller.session))
        .collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
