//! `POST /auth/verify-email`

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

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyEmailRequest {
    #[schema(value_type = String)]
    token: Private,
}

impl RequestBody for VerifyEmailRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Show by the token of a mailed link that an address is one's own.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email", operation_id = "verify_email", tag = "accounts",
    request_body = VerifyEmailRequest,
    responses(
        (status = 200, description = "The address is verified", body = Success<DoneBody>),
        (status = 410, description = "`LINK_EXPIRED`: used before, too old, or replaced by a newer one", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn verify_email(
    call: AccountCall,
    body: JsonBody<VerifyEmailRequest>,
) -> Result<Response, ApiError> {
    let token = &body.value.token;
    call.accounts
        .verify_email(token, &call.origin, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
