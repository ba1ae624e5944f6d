//! `GET /users/{id}`

use axum::response::Response;
use http::StatusCode;

use super::body::AccountBody;
use super::{acting, admit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;

/// An account, for admins of the installation.
///
/// That it was read is in the audit trail (`account.read`).
#[utoipa::path(
    get, path = "/api/v1/users/{id}", operation_id = "get_user", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account", body = Success<AccountBody>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: where staff needs a second factor, show yours first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn one(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    admit(&caller)?;
    let call = call?;
    let by = acting(&caller, &call);
    let account = call.accounts.account(id, &by, call.now_ms).await?;
    envelope::success(&call.context, StatusCode::OK, &AccountBody::from(account))
}
