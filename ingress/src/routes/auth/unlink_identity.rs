//! `DELETE /auth/me/identities/{id}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Confirmation;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::state::AppState;

/// The account's password, so that a token that was left open somewhere is not enough.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnlinkIdentityRequest {
    /// Of an account that has one; others sign in again just before.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for UnlinkIdentityRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Unlink an account elsewhere from the caller's.
///
/// The last way to sign in stays.
#[utoipa::path(
    delete, path = "/api/v1/auth/me/identities/{id}", operation_id = "unlink_identity", tag = "accounts",
    params(("id" = Uuid, Path, description = "The identity")),
    request_body = Option<UnlinkIdentityRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is unlinked", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the account's second factor first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 403, description = "`SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account has no such identity, or the token is of no account here", body = Problem),
        (status = 409, description = "`LAST_WAY_IN`: nobody could sign in to the account any more", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn unlink_identity(
    caller: Caller,
    call: AccountCall,
    PathId(id): PathId,
    body: JsonBody<UnlinkIdentityRequest>,
) -> Result<Response, ApiError> {
    call.count_confirmation(caller.user).await?;
    let confirmation = Confirmation {
        session: caller.session,
        password: body.value.password.as_ref(),
    };
    call.accounts
        .unlink(caller.user.0, id, confirmation, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
