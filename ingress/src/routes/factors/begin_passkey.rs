//! `POST /auth/factors/passkeys/options`

use axum::response::Response;
use http::StatusCode;

use super::body::{CeremonyBody, FactorRequest};
use super::session_of;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::auth::account_call::AccountCall;

/// Begin to register a passkey.
///
/// `POST /auth/factors/passkeys` ends it, within 5 minutes.
#[utoipa::path(
    post, path = "/api/v1/auth/factors/passkeys/options", operation_id = "begin_passkey", tag = "accounts",
    request_body = Option<FactorRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What the browser creates the passkey with", body = Success<CeremonyBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the second factor first (`POST /auth/step-up`)", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes; `EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`: account and mailbox are not known to be one person's, so follow the link of another mail while signed in", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn begin_passkey(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<FactorRequest>,
) -> Result<Response, ApiError> {
    let session = session_of(&caller)?;
    call.count_confirmation(caller.user).await?;
    let (user, password) = (caller.user.0, body.value.password.as_ref());
    let begun = call
        .accounts
        .begin_passkey(user, session, password, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &CeremonyBody::from(begun))
}
