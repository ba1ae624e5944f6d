//! `POST /auth/passkeys/sign-in`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::PasskeyAnswer;
use onsale_private::Private;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::SignedInBody;
use crate::routes::auth::delivery::{self, Form};
use crate::state::AppState;

/// What a passkey has signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeySignInRequest {
    /// That of `POST /auth/passkeys/options`.
    #[schema(value_type = String)]
    ceremony: Private,
    /// What `navigator.credentials.get()` answered, as `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Object)]
    credential: Value,
    /// The tenant to act for, as in `POST /auth/login`.
    tenant_id: Option<Uuid>,
}

impl RequestBody for PasskeySignInRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["tenant_id"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Sign in with a passkey.
///
/// Its authenticator has verified the person, so no password and no code is asked for.
#[utoipa::path(
    post, path = "/api/v1/auth/passkeys/sign-in", operation_id = "passkey_sign_in", tag = "accounts",
    request_body = PasskeySignInRequest,
    responses(
        (status = 200, description = "Signed in", body = Success<SignedInBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`: the passkey is not known here, or what it signed is not valid", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: the ceremony was used or took too long; begin again", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many attempts from this address", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
    ),
)]
pub(crate) async fn passkey_sign_in(
    call: AccountCall,
    body: JsonBody<PasskeySignInRequest>,
) -> Result<Response, ApiError> {
    sign_in(call, body, Form::Tokens).await
}

/// Signs in, with tokens in the form that the route has.
pub(in crate::routes) async fn sign_in(
    call: AccountCall,
    body: JsonBody<PasskeySignInRequest>,
    form: Form,
) -> Result<Response, ApiError> {
    let PasskeySignInRequest {
        ceremony,
        credential,
        tenant_id,
    } = body.value;
    let answer = PasskeyAnswer {
        ceremony,
        credential,
    };
    let signed_in = call
        .accounts
        .sign_in_with_passkey(answer, tenant_id, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, form, StatusCode::OK, signed_in)
}
