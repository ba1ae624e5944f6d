//! `POST /auth/first-admin`

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

const SCHEMA: &str = "FirstAdminRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (
        Of::Field(SCHEMA, "password"),
        Bound::Length(PASSWORD_MAX_BYTES),
    ),
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "locale"), Bound::Length(LOCALE_MAX_BYTES)),
];

/// The token of the link that the server printed, and who becomes admin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstAdminRequest {
    #[schema(value_type = String)]
    token: Private,
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

impl RequestBody for FirstAdminRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Become the first admin of the installation by the one-time link that a server prints at its start
/// while there is no admin, and sign in.
#[utoipa::path(
    post, path = "/api/v1/auth/first-admin", operation_id = "become_first_admin", tag = "accounts",
    request_body = FirstAdminRequest,
    responses(
        (status = 201, description = "The account is created and signed in", body = Success<SignedInBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address, or a password that is tried first", body = Problem),
        (status = 409, description = "`EMAIL_TAKEN`", body = Problem),
        (status = 410, description = "`LINK_EXPIRED`: used before, too old, or there is an admin by now", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`OVERLOADED`: too many passwords are being checked", body = Problem),
    ),
)]
pub(crate) async fn first_admin(
    call: AccountCall,
    body: JsonBody<FirstAdminRequest>,
) -> Result<Response, ApiError> {
    let FirstAdminRequest {
        token,
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
        .become_first_admin(&token, registration, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, Form::Tokens, StatusCode::CREATED, signed_in)
}
