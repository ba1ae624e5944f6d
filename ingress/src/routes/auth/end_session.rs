//! `DELETE /auth/sessions/{id}`

use axum::response::Response;
use http::StatusCode;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;

/// End one of the caller's sessions.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", operation_id = "end_session", tag = "accounts",
    params(("id" = Uuid, Path, description = "The session")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The session has ended", body = Success<DoneBody>),
        (status = 404, description = "`NOT_FOUND`: the account has no such live session", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn end_session(
    caller: Caller,
    call: AccountCall,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    call.accounts
        .end_session(caller.user.0, id, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
