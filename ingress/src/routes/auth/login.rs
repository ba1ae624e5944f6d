//! `POST /auth/login`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::PASSWORD_MAX_BYTES;
use onsale_accounts::{EMAIL_MAX_BYTES, Login};
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use super::body::SignedInBody;
use super::delivery::{self, Form};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::factors::CODE;
use crate::state::AppState;

const SCHEMA: &str = "LoginRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (
        Of::Field(SCHEMA, "password"),
        Bound::Length(PASSWORD_MAX_BYTES),
    ),
    (Of::Field(SCHEMA, "code"), CODE),
];

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    #[schema(value_type = String, example = "nobody@example.test")]
    email: Private,
    #[schema(value_type = String)]
    password: Private,
    /// The tenant to act for; the nil UUID (all zeros) for oneself, as a buyer. Where none is named, the
    /// oldest membership, or oneself without one.
    tenant_id: Option<Uuid>,
    /// Of an account with a second factor: the 6 digits of its authenticator app, or a recovery code. Left out,
    /// it is asked for.
    #[schema(value_type = Option<String>)]
    code: Option<Private>,
}

impl RequestBody for LoginRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["tenant_id"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Sign in.
///
/// A wrong address and a wrong password say the same.
///
/// An account with a second factor is answered 401 `SECOND_FACTOR_REQUIRED`, with a `challenge` in the details
/// that `POST /auth/login/second-factor` answers within 5 minutes.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "login", tag = "accounts", request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in", body = Success<SignedInBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`; `SECOND_FACTOR_REQUIRED`: the password is right, and a code is needed; `INVALID_CODE`", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many attempts from this address, or on this account", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn login(
    call: AccountCall,
    body: JsonBody<LoginRequest>,
) -> Result<Response, ApiError> {
    sign_in(call, body, Form::Tokens).await
}

/// Signs in, with tokens in the form that the route has.
pub(super) async fn sign_in(
    call: AccountCall,
    body: JsonBody<LoginRequest>,
    form: Form,
) -> Result<Response, ApiError> {
    let LoginRequest {
        email,
        password,
        tenant_id,
        code,
    } = body.value;
    call.count_sign_in(&email).await?;
    let login = Login {
        email,
        password,
        tenant: tenant_id,
        code,
    };
    let signed_in = call
        .accounts
        .login(login, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, form, StatusCode::OK, signed_in)
}
