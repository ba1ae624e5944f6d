//! `POST /auth/verify-email`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::PASSWORD_MAX_BYTES;
use onsale_private::Private;
use onsale_store::account::Purpose;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(
    Of::Field("VerifyEmailRequest", "password"),
    Bound::Length(PASSWORD_MAX_BYTES),
)];

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyEmailRequest {
    #[schema(value_type = String)]
    token: Private,
    /// Of the account, where the browser that follows the link is not signed in to it: it shows as well that the
    /// follower is the account's person.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for VerifyEmailRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Show by the token of a mailed link that an address is one's own.
///
/// The token is enough to verify the address. Who reads the mail need not have created the account, though: where
/// the call comes from a session of the account, or brings its password, it shows that account and mailbox are one
/// person's, too. What belongs to the owner of the address takes that (`CONFIRMATION_REQUIRED` where it is asked for).
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email", operation_id = "verify_email", tag = "accounts",
    request_body = VerifyEmailRequest,
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The address is verified", body = Success<DoneBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password that came along is not the account's. The link stays good, up to the tenth one", body = Problem),
        (status = 410, description = "`LINK_EXPIRED`: this link or another one to the account was used, or it is too old", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn verify_email(
    caller: Option<Caller>,
    call: AccountCall,
    body: JsonBody<VerifyEmailRequest>,
) -> Result<Response, ApiError> {
    let VerifyEmailRequest { token, password } = &body.value;
    let whose = call.accounts.whose_verification(token, call.now_ms);
    let follower = call.follower(caller, password.as_ref(), whose).await?;
    let origin = call.telling(&DONE)?;
    let done = call
        .accounts
        .verify_email(token, follower, &origin, call.now_ms)
        .await;
    let purpose = Purpose::VerifyEmail;
    call.accounts
        .counted_against_link(done, purpose, token, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
