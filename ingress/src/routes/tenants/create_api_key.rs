//! `POST /tenants/{id}/api-keys`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{API_KEY_NAME_MAX_CHARS, API_KEY_SCOPES, Action, ApiKeyScopes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api_keys::ApiKeyBody;
use super::{CREATE_PAYMENT_KEYS, MANAGE_INTEGRATIONS, acting, permit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;
use crate::values::Instant;

const SCHEMA: &str = "ApiKeyRequest";

pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field(SCHEMA, "name"),
        Bound::Line(API_KEY_NAME_MAX_CHARS),
    ),
    (Of::Field(SCHEMA, "scopes"), Bound::ItemsOf(API_KEY_SCOPES)),
];

/// A key to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyRequest {
    /// What people call it.
    name: String,
    /// `payments` alone (confirm, extend and cancel bookings, as a service; created by owners), or some of
    /// `manage_events`, `manage_sales`, `read_sales`, `read_bookings`, `serve_buyers`, `read_payments`,
    /// `approve_refunds`, `check_in` and `read_audit`.
    scopes: Vec<String>,
    /// Never, when left out.
    expires_at: Option<Instant>,
}

/// A new key.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKey {
    /// For `Authorization: Bearer …`. It is not shown again.
    key: String,
    #[serde(flatten)]
    about: ApiKeyBody,
}

impl RequestBody for ApiKeyRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_INTEGRATIONS)
    }
}

/// Create an API key of a tenant, for a program that acts for it.
///
/// It is accepted in the place of an access token.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/api-keys", operation_id = "create_api_key", tag = "tenants",
    request_body = ApiKeyRequest,
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The key, which is shown this once", body = Success<NewApiKey>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`TOO_MANY_API_KEYS`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn create_api_key(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    body: JsonBody<ApiKeyRequest>,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_INTEGRATIONS)?;
    let call = call?;
    let ApiKeyRequest {
        name,
        scopes,
        expires_at,
    } = &body.value;
    let scopes = ApiKeyScopes::parse(scopes.iter().map(String::as_str))?;
    let expires_at_ms = expires_at.map(|instant| instant.0);
    let action = match scopes {
        ApiKeyScopes::Payments => {
            permit(&caller, id, &CREATE_PAYMENT_KEYS)?;
            Action::CreatePaymentKeys
        }
        ApiKeyScopes::Organizer(_) => Action::ManageIntegrations,
    };
    let by = acting(&caller, &call, action);
    let (row, secret) = call
        .accounts
        .create_api_key(id, name, scopes, expires_at_ms, &by, call.now_ms)
        .await?;
    let body = NewApiKey {
        key: secret.expose(),
        about: row.into(),
    };
    envelope::success(&call.context, StatusCode::CREATED, &body)
}
