//! `POST /auth/refresh`

use axum::response::Response;
use http::StatusCode;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::SignedInBody;
use super::delivery::{self, Form};
use crate::auth::Caller;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

/// Who goes on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// As the last answer had it.
    #[schema(value_type = String)]
    refresh_token: Private,
}

impl RequestBody for RefreshRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Get new tokens for a refresh token, which is used up.
///
/// Within some seconds the same token gives the same refresh token again, for two tabs at once and for
/// answers that got lost. Later use ends the session: someone else may have the token.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "accounts", request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next tokens", body = Success<SignedInBody>),
        (status = 401, description = "`TOKEN_REUSED`: used before, the session has ended; `TOKEN_EXPIRED`: not used for too long; `UNAUTHORIZED`: no such session, or it has ended", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn refresh(
    call: AccountCall,
    body: JsonBody<RefreshRequest>,
) -> Result<Response, ApiError> {
    let token = body.value.refresh_token.expose();
    go_on(&call, token, Form::Tokens).await
}

/// Goes on with a session, with tokens in the form that the route has.
pub(super) async fn go_on(
    call: &AccountCall,
    token: &str,
    form: Form,
) -> Result<Response, ApiError> {
    let signed_in = call
        .accounts
        .refresh(token, &call.origin, call.now_ms)
        .await?;
    delivery::answer(call, form, StatusCode::OK, signed_in)
}
