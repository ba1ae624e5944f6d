//! `POST /auth/passkeys/options`

use axum::response::Response;
use http::StatusCode;

use super::body::CeremonyBody;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::auth::account_call::AccountCall;

/// Begin to sign in with a passkey, or to show one again.
///
/// It is good for 5 minutes, once.
#[utoipa::path(
    post, path = "/api/v1/auth/passkeys/options", operation_id = "begin_passkey_sign_in", tag = "accounts",
    responses(
        (status = 200, description = "What the browser asks for a passkey with", body = Success<CeremonyBody>),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
    ),
)]
pub(crate) async fn passkey_options(call: AccountCall) -> Result<Response, ApiError> {
    let begun = call.accounts.begin_passkey_sign_in(call.now_ms).await?;
    envelope::success(&call.context, StatusCode::OK, &CeremonyBody::from(begun))
}
