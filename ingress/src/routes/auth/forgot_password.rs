//! `POST /auth/forgot-password`

use axum::response::Response;
use http::StatusCode;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{DONE, DoneBody};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

/// Whose password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgotPasswordRequest {
    #[schema(value_type = String, example = "nobody@example.test")]
    email: Private,
}

impl RequestBody for ForgotPasswordRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Have a link sent that sets a new password.
///
/// The answer is the same whether or not there is an account.
///
/// The account is looked for behind the answer, so that asking takes the same for every address. Earlier links stay
/// good. An account that was sent one a moment ago, and did not use it, gets no other
/// one yet.
#[utoipa::path(
    post, path = "/api/v1/auth/forgot-password", operation_id = "forgot_password", tag = "accounts",
    request_body = ForgotPasswordRequest,
    responses(
        (status = 202, description = "A link is sent where an account has the address", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many requests wait for their links", body = Problem),
    ),
)]
pub(crate) async fn forgot_password(
    call: AccountCall,
    body: JsonBody<ForgotPasswordRequest>,
) -> Result<Response, ApiError> {
    let email = &body.value.email;
    call.accounts
        .forgot_password(email, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::ACCEPTED, &DONE)
}
