//! `GET /auth/me`

use axum::response::Response;
use http::StatusCode;

use super::account_call::{AccountCall, acting_for};
use super::body::PersonBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// The caller's account; of a guest's token, the guest.
#[utoipa::path(
    get, path = "/api/v1/auth/me", operation_id = "get_me", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account", body = Success<PersonBody>),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn me(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    if caller.guest.is_some() {
        let guest = call.accounts.guest(caller.user.0, call.now_ms).await?;
        return envelope::success(&call.context, StatusCode::OK, &PersonBody::from(guest));
    }
    let tenant = acting_for(&caller);
    let person = call.accounts.me(caller.user.0, tenant, call.now_ms).await?;
    envelope::success(&call.context, StatusCode::OK, &PersonBody::from(person))
}
