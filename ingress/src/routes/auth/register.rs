//! `POST /auth/register`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::PASSWORD_MAX_BYTES;
use onsale_accounts::{EMAIL_MAX_BYTES, LOCALE_MAX_BYTES, NAME_MAX_CHARS, Registration};
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::SignedInBody;
use super::delivery::{self, Form};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

const SCHEMA: &str = "RegisterRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (
        Of::Field(SCHEMA, "password"),
        Bound::Length(PASSWORD_MAX_BYTES),
    ),
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "locale"), Bound::Length(LOCALE_MAX_BYTES)),
];

/// Who registers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    #[schema(value_type = String, example = "nobody@example.test")]
    email: Private,
    /// At least 8 characters, none of the best known ones, nor the address or the name.
    #[schema(value_type = String, min_length = 8)]
    password: Private,
    #[schema(value_type = Option<String>)]
    name: Option<Private>,
    /// The tag of a language, as `th` or `en-GB`: mails are written in it.
    #[schema(max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
    locale: Option<String>,
}

impl RequestBody for RegisterRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Create an account and sign in. A link that verifies the address is sent to it.
#[utoipa::path(
    post, path = "/api/v1/auth/register", operation_id = "register", tag = "accounts", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account is created and signed in", body = Success<SignedInBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address, or a password that is tried first", body = Problem),
        (status = 403, description = "`FORBIDDEN`: registration is closed", body = Problem),
        (status = 409, description = "`EMAIL_TAKEN`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn register(
    call: AccountCall,
    body: JsonBody<RegisterRequest>,
) -> Result<Response, ApiError> {
    create(call, body, Form::Tokens).await
}

/// Creates an account and signs in, with tokens in the form that the route has.
pub(super) async fn create(
    call: AccountCall,
    body: JsonBody<RegisterRequest>,
    form: Form,
) -> Result<Response, ApiError> {
    let RegisterRequest {
        email,
        password,
        name,
        locale,
    } = body.value;
    let registration = Registration {
        email,
        password,
        name,
        locale,
    };
    let signed_in = call
        .accounts
        .register(registration, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, form, StatusCode::CREATED, signed_in)
}
