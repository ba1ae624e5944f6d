//! `GET /auth/factors`

use axum::response::Response;
use http::StatusCode;

use super::body::FactorsBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::auth::account_call::AccountCall;

/// The caller's second factors.
#[utoipa::path(
    get, path = "/api/v1/auth/factors", operation_id = "list_factors", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The second factors", body = Success<FactorsBody>),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn list(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    let factors = call.accounts.factors(caller.user.0, call.now_ms).await?;
    envelope::success(&call.context, StatusCode::OK, &FactorsBody::from(factors))
}
