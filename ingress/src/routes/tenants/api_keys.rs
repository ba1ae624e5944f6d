//! `GET /tenants/{id}/api-keys`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Action;
use onsale_store::account::ApiKeyRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MANAGE_INTEGRATIONS, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::still;
use crate::values::Instant;

/// A key of a program. The key itself is shown once, by the answer that creates it.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyBody {
    key_id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: Instant,
    created_by: Option<Uuid>,
    /// `null`: it does not expire.
    expires_at: Option<Instant>,
    /// To the minute.
    last_used_at: Option<Instant>,
}

impl From<ApiKeyRow> for ApiKeyBody {
    fn from(key: ApiKeyRow) -> Self {
        Self {
            key_id: key.key_id,
            name: key.name,
            scopes: key.scopes.split(' ').map(str::to_owned).collect(),
            created_at: Instant(key.created_at_ms),
            created_by: key.created_by,
            expires_at: key.expires_at_ms.map(Instant),
            last_used_at: key.last_used_at_ms.map(Instant),
        }
    }
}

/// The API keys of a tenant that were not revoked, those that are good first.
///
/// Keys that have expired are listed for 30 days more.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/api-keys", operation_id = "list_api_keys", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys, without what is secret of them", body = Success<Vec<ApiKeyBody>>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn api_keys(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_INTEGRATIONS)?;
    let call = call?;
    still::check(
        &call.state,
        &caller,
        still::required(&caller, Action::ManageIntegrations),
    )
    .await?;
    let keys = call.accounts.api_keys(id, call.now_ms).await?;
    let body: Vec<ApiKeyBody> = keys.into_iter().map(ApiKeyBody::from).collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
