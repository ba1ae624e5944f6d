//! `POST /users/{id}/disable`

use axum::response::Response;
use http::StatusCode;

use super::{acting, admit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};

/// Keep an account from signing in, the caller's own too.
///
/// Its sessions end, and what it invited is withdrawn; access tokens last until they expire.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/disable", operation_id = "disable_user", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is disabled", body = Success<DoneBody>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAST_ADMIN`: nobody could look after the installation any more", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn disable(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    admit(&caller)?;
    let call = call?;
    let by = acting(&caller, &call);
    call.accounts
        .set_account_disabled(id, true, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
