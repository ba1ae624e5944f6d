//! `POST /auth/logout-all`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::delivery;
use crate::auth::{ByCookie, Caller};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// What ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsEnded {
    /// How many.
    sessions_ended: u64,
}

/// End every session of the account, this one too.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", operation_id = "logout_all", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions have ended", body = Success<SessionsEnded>),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn logout_all(
    caller: Caller,
    by: Option<ByCookie>,
    call: AccountCall,
) -> Result<Response, ApiError> {
    let ended = call
        .accounts
        .end_all_sessions(caller.user.0, &call.origin, call.now_ms)
        .await?;
    let body = SessionsEnded {
        sessions_ended: ended,
    };
    let done = envelope::success(&call.context, StatusCode::OK, &body)?;
    delivery::forget(&call, by, done)
}
