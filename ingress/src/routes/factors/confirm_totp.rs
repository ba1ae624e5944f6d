//! `POST /auth/factors/totp/confirm`

use axum::response::Response;
use http::StatusCode;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::RecoveryCodesBody;
use super::session_of;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(
    Of::Field("ConfirmTotpRequest", "code"),
    Bound::Form(r"^\s*([0-9]\s*){6}$", onsale_accounts::CODE_MAX_BYTES),
)];

/// The first code of an authenticator app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmTotpRequest {
    #[schema(value_type = String, example = "123456")]
    code: Private,
}

impl RequestBody for ConfirmTotpRequest {
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Put the authenticator app to use that was set up, in the place of any other.
///
/// From now on nobody signs in to the account without a code; its other sessions end.
#[utoipa::path(
    post, path = "/api/v1/auth/factors/totp/confirm", operation_id = "confirm_totp", tag = "accounts",
    request_body = ConfirmTotpRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The app is in use; recovery codes where the account had none left", body = Success<RecoveryCodesBody>),
        (status = 401, description = "`INVALID_CODE`; `SECOND_FACTOR_REQUIRED`: show the second factor that is in use first", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: nothing was set up, or more than an hour ago, or 5 codes were wrong in this session: begin again", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn confirm_totp(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<ConfirmTotpRequest>,
) -> Result<Response, ApiError> {
    let (user, session) = (caller.user.0, session_of(&caller)?);
    let code = &body.value.code;
    let codes = call
        .accounts
        .confirm_totp(user, session, code, &call.origin, call.now_ms)
        .await?;
    let body = RecoveryCodesBody::from(codes);
    envelope::success(&call.context, StatusCode::OK, &body)
}
