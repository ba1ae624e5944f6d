//! `POST /users/{id}/end-sessions`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{acting, admit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// What ended of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountSessionsEnded {
    /// How many.
    sessions_ended: u64,
}

/// End every session of an account; access tokens last until they expire.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/end-sessions", operation_id = "end_sessions_of_user", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions have ended", body = Success<AccountSessionsEnded>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn end_sessions(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    admit(&caller)?;
    let call = call?;
    let by = acting(&caller, &call);
    let sessions_ended = call.accounts.end_sessions_of(id, &by, call.now_ms).await?;
    let body = AccountSessionsEnded { sessions_ended };
    envelope::success(&call.context, StatusCode::OK, &body)
}
