//! `POST /auth/register`

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
    /// Who registers.
    RegisterRequest {}
}

/// Create an account and sign in.
///
/// A link that verifies the address is sent to it.
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
    let registration = body.value.registration();
    let signed_in = call
        .accounts
        .register(registration, &call.origin, call.now_ms)
        .await?;
    delivery::answer(&call, form, StatusCode::CREATED, signed_in)
}
