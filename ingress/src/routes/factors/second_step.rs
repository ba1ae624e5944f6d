//! `POST /auth/login/second-factor`

use axum::response::Response;
use http::StatusCode;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::CODE;
use crate::auth::Caller;
use crate::bounds::{Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::SignedInBody;
use crate::routes::auth::delivery::{self, Form};
use crate::state::AppState;

pub(in crate::routes) const BOUNDS: Bounds = &[(Of::Field("SecondFactorRequest", "code"), CODE)];

/// The second factor of a sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactorRequest {
    /// That of the answer `SECOND_FACTOR_REQUIRED`.
    #[schema(value_type = String)]
    challenge: Private,
    /// The 6 digits of the authenticator app, or a recovery code.
    #[schema(value_type = String, example = "123456")]
    code: Private,
}

impl RequestBody for SecondFactorRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Sign in: the second step.
///
/// A challenge is good for 5 minutes, once, and takes 5 codes.
#[utoipa::path(
    post, path = "/api/v1/auth/login/second-factor", operation_id = "login_second_factor", tag = "accounts",
    request_body = SecondFactorRequest,
    responses(
        (status = 200, description = "Signed in", body = Success<SignedInBody>),
        (status = 401, description = "`INVALID_CODE`: it is wrong, or was used before", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to the tenant that was named", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: it was answered, took too long or too many codes; sign in again", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many codes of the authenticator app were tried on this account; a recovery code or a passkey is good still", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn second_step(
    call: AccountCall,
    body: JsonBody<SecondFactorRequest>,
) -> Result<Response, ApiError> {
    answer(call, body, Form::Tokens).await
}

/// Takes the second step, with tokens in the form that the route has.
pub(in crate::routes) async fn answer(
    call: AccountCall,
    body: JsonBody<SecondFactorRequest>,
    form: Form,
) -> Result<Response, ApiError> {
    let SecondFactorRequest { challenge, code } = &body.value;
    let signed_in = call
        .accounts
        .second_step(challenge, code, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, form, StatusCode::OK, signed_in)
}
