//! `DELETE /auth/factors/passkeys/{id}`

use axum::response::Response;
use http::StatusCode;

use super::body::FactorRequest;
use super::session_of;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};

/// Remove a passkey.
///
/// With the last second factor the recovery codes go, too.
#[utoipa::path(
    delete, path = "/api/v1/auth/factors/passkeys/{id}", operation_id = "remove_passkey", tag = "accounts",
    request_body = Option<FactorRequest>,
    params(("id" = Uuid, Path, description = "The passkey")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The passkey is removed", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the second factor first (`POST /auth/step-up`)", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account has no such passkey, or the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn remove_passkey(
    caller: Caller,
    call: AccountCall,
    PathId(id): PathId,
    body: JsonBody<FactorRequest>,
) -> Result<Response, ApiError> {
    let session = session_of(&caller)?;
    call.count_confirmation(caller.user).await?;
    let (user, password) = (caller.user.0, body.value.password.as_ref());
    call.accounts
        .remove_passkey(user, session, id, password, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
