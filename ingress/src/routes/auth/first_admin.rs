//! `POST /auth/first-admin`

use axum::response::Response;
use http::StatusCode;

use super::account_call::AccountCall;
use super::body::SignedInBody;
use super::delivery::{self, Form};
use super::registration::registration_request;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;

registration_request! {
    /// The token of the link that the server printed, and who becomes admin.
    FirstAdminRequest { token, }
}

/// Become the first admin of the installation, and sign in.
///
/// It takes the one-time link that a server prints at its start while there is no admin.
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
    let token = body.value.token.clone();
    let registration = body.value.registration();
    let signed_in = call
        .accounts
        .become_first_admin(&token, registration, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, Form::Tokens, StatusCode::CREATED, signed_in)
}
