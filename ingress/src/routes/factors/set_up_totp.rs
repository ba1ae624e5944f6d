//! `POST /auth/factors/totp`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::TotpSetup;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::FactorRequest;
use super::session_of;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::auth::account_call::AccountCall;

/// What an authenticator app is set up with. It is not shown again.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSetup)]
pub(crate) struct TotpSetupBody {
    /// For who types it into the app, in base 32.
    secret: String,
    /// For an app that reads it from a QR code.
    otpauth_uri: String,
    /// How long the first code is waited for, in seconds.
    expires_in: u64,
}

impl From<TotpSetup> for TotpSetupBody {
    fn from(setup: TotpSetup) -> Self {
        Self {
            secret: setup.secret.into_exposed(),
            otpauth_uri: setup.uri.into_exposed(),
            expires_in: setup.expires_in_seconds,
        }
    }
}

/// Begin to set an authenticator app up.
///
/// `POST /auth/factors/totp/confirm` puts it to use; one that is in use stays in use until then.
#[utoipa::path(
    post, path = "/api/v1/auth/factors/totp", operation_id = "set_up_totp", tag = "accounts",
    request_body = Option<FactorRequest>,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "What the app is set up with, shown this once", body = Success<TotpSetupBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the second factor first (`POST /auth/step-up`)", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes; `EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`: account and mailbox are not known to be one person's, so follow the link of another mail while signed in", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn set_up_totp(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<FactorRequest>,
) -> Result<Response, ApiError> {
    let session = session_of(&caller)?;
    call.count_confirmation(caller.user).await?;
    let (user, password) = (caller.user.0, body.value.password.as_ref());
    let setup = call
        .accounts
        .set_up_totp(user, session, password, &call.origin, call.now_ms)
        .await?;
    let body = TotpSetupBody::from(setup);
    envelope::success(&call.context, StatusCode::CREATED, &body)
}
