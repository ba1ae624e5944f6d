//! `POST /auth/factors/recovery-codes`

use axum::response::Response;
use http::StatusCode;

use super::body::{FactorRequest, RecoveryCodesBody};
use super::session_of;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::auth::account_call::AccountCall;

/// Get new recovery codes; the earlier ones stop working.
#[utoipa::path(
    post, path = "/api/v1/auth/factors/recovery-codes", operation_id = "replace_recovery_codes", tag = "accounts",
    request_body = Option<FactorRequest>,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The codes, shown this once", body = Success<RecoveryCodesBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the second factor first (`POST /auth/step-up`)", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account has no second factor, or the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn recovery_codes(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<FactorRequest>,
) -> Result<Response, ApiError> {
    let session = session_of(&caller)?;
    call.count_confirmation(caller.user).await?;
    let (user, password) = (caller.user.0, body.value.password.as_ref());
    let codes = call
        .accounts
        .replace_recovery_codes(user, session, password, &call.origin, call.now_ms)
        .await?;
    let body = RecoveryCodesBody::from(Some(codes));
    envelope::success(&call.context, StatusCode::CREATED, &body)
}
