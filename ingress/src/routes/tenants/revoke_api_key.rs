//! `DELETE /tenants/{id}/api-keys/{key}`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;

use super::{MANAGE_INTEGRATIONS, acting, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathIds;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};

/// Revoke an API key for good.
///
/// Other nodes refuse it within half a minute.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}/api-keys/{key}", operation_id = "revoke_api_key", tag = "tenants",
    params(
        ("id" = Uuid, Path, description = "The tenant"),
        ("key" = Uuid, Path, description = "The key's id"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The key is revoked", body = Success<DoneBody>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn revoke_api_key(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathIds(id, key): PathIds,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_INTEGRATIONS)?;
    let call = call?;
    let by = acting(&caller, &call, Action::ManageIntegrations);
    let hash = call
        .accounts
        .revoke_api_key(id, key, &by, call.now_ms)
        .await?;
    call.state.api_keys.refuse(hash);
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
