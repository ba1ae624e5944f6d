//! `POST /auth/step-up`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::PasskeyAnswer;
use onsale_private::Private;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{CODE, session_of};
use crate::auth::Caller;
use crate::bounds::{Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(Of::Field("StepUpRequest", "code"), CODE)];

/// The second factor once more: a code, or what a passkey has signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUpRequest {
    /// The 6 digits of the authenticator app, or a recovery code.
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Private>,
    /// That of `POST /auth/passkeys/options`.
    #[schema(value_type = Option<String>)]
    ceremony: Option<Private>,
    /// What `navigator.credentials.get()` answered.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

impl RequestBody for StepUpRequest {
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Show the second factor again.
///
/// For 15 minutes it is enough for what is sensitive: changing the password or the factors themselves, linking and
/// unlinking accounts elsewhere, erasing the account, members of a tenant and new API keys.
#[utoipa::path(
    post, path = "/api/v1/auth/step-up", operation_id = "step_up", tag = "accounts",
    request_body = StepUpRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The second factor was shown", body = Success<DoneBody>),
        (status = 401, description = "`INVALID_CODE`, or `INVALID_CREDENTIALS`: the passkey is not the account's, or what it signed is not valid", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account has no second factor", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: the ceremony was used or took too long, or too many codes were wrong in this session: sign in again", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
    ),
)]
pub(crate) async fn step_up(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<StepUpRequest>,
) -> Result<Response, ApiError> {
    let (user, session) = (caller.user.0, session_of(&caller)?);
    let (accounts, origin) = (&call.accounts, &call.origin);
    let StepUpRequest {
        code,
        ceremony,
        credential,
    } = body.value;
    match (code, ceremony, credential) {
        (Some(code), None, None) => {
            accounts
                .step_up(user, session, &code, origin, call.now_ms)
                .await?;
        }
        (None, Some(ceremony), Some(credential)) => {
            let answer = PasskeyAnswer {
                ceremony,
                credential,
            };
            accounts
                .step_up_with_passkey(user, session, answer, origin, call.now_ms)
                .await?;
        }
        _ => {
            return Err(ApiError::invalid(
                "code",
                Value::Null,
                "a code, or a ceremony and the credential that answers it",
            ));
        }
    }
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
