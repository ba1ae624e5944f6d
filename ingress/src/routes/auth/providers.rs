//! `GET /auth/providers`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;

/// Someone with whom people have an account by which they sign in here.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
pub(crate) struct ProviderBody {
    /// For `GET /auth/oauth/{provider}/start`.
    provider: String,
    /// What people read.
    title: String,
}

/// With whom people may sign in.
#[utoipa::path(
    get, path = "/api/v1/auth/providers", operation_id = "list_providers", tag = "accounts",
    responses(
        (status = 200, description = "The providers", body = Success<Vec<ProviderBody>>),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn providers(call: AccountCall) -> Result<Response, ApiError> {
    let body: Vec<ProviderBody> = call
        .accounts
        .providers()
        .into_iter()
        .map(|provider| ProviderBody {
            provider: provider.name,
            title: provider.title,
        })
        .collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
