//! `GET /auth/sessions`

use axum::response::Response;
use http::StatusCode;
use onsale_store::account::Requirement;

use super::account_call::AccountCall;
use super::body::SessionBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::still;

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", operation_id = "list_sessions", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions", body = Success<Vec<SessionBody>>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn sessions(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    still::check(&call.state, &caller, Requirement::Account).await?;
    let sessions = call.accounts.sessions(caller.user.0, call.now_ms).await?;
    let body: Vec<SessionBody> = sessions
        .into_iter()
        .map(|session| SessionBody::of(session, caller.session))
        .collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
