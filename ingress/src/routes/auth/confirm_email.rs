//! `POST /auth/confirm-email`

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
    Of::Field("ConfirmEmailRequest", "password"),
    Bound::Length(PASSWORD_MAX_BYTES),
)];

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmEmailRequest {
    #[schema(value_type = String)]
    token: Private,
    /// Of the account. Required where the call comes from no session of it.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for ConfirmEmailRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Make an address an account's by the token of the link that was mailed there.
///
/// The call comes from a session of the account or brings its password: the token alone, which whoever reads the mail
/// has, is not enough. So the address is verified, and known to be the account's person's. An account without a
/// password takes a session. Every other session ends, and so do links that were mailed to the address before, which
/// is told of it. Accounts elsewhere stay linked.
#[utoipa::path(
    post, path = "/api/v1/auth/confirm-email", operation_id = "confirm_email", tag = "accounts",
    request_body = ConfirmEmailRequest,
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The account has the address", body = Success<DoneBody>),
        (status = 401, description = "`UNAUTHORIZED`: neither a session of the account nor its password came along; `INVALID_CREDENTIALS`: the password is not the account's. The link stays good, up to the tenth wrong password", body = Problem),
        (status = 409, description = "`EMAIL_TAKEN`: another account has the address", body = Problem),
        (status = 410, description = "`LINK_EXPIRED`: the link was used, is too old, or another was asked for since", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn confirm_email(
    caller: Option<Caller>,
    call: AccountCall,
    body: JsonBody<ConfirmEmailRequest>,
) -> Result<Response, ApiError> {
    let ConfirmEmailRequest { token, password } = &body.value;
    let whose = call.accounts.whose_address_change(token, call.now_ms);
    let follower = call.follower(caller, password.as_ref(), whose).await?;
    let origin = call.telling(&DONE)?;
    let done = call
        .accounts
        .confirm_email(token, follower, &origin, call.now_ms)
        .await;
    let purpose = Purpose::ChangeEmail;
    call.accounts
        .counted_against_link(done, purpose, token, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
