//! `GET /auth/me/identities`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{OwnIdentities, OwnIdentity};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::values::Instant;

/// How a person signs in.
#[derive(Serialize, ToSchema)]
#[schema(as = Identities)]
pub(crate) struct IdentitiesBody {
    /// Whether the account has a password; `POST /auth/forgot-password` sets the first one.
    has_password: bool,
    /// Accounts elsewhere, the oldest link first.
    identities: Vec<IdentityBody>,
}

/// An account elsewhere by which a person signs in.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityBody {
    identity_id: Uuid,
    provider: String,
    /// What people read; `null` where nobody signs in with this provider any more.
    title: Option<String>,
    linked_at: Instant,
    last_used_at: Instant,
}

/// The accounts elsewhere by which the caller signs in.
#[utoipa::path(
    get, path = "/api/v1/auth/me/identities", operation_id = "list_identities", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "How the caller signs in", body = Success<IdentitiesBody>),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn identities(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    let own = call.accounts.identities(caller.user.0).await?;
    let body = IdentitiesBody::from(own);
    envelope::success(&call.context, StatusCode::OK, &body)
}

impl From<OwnIdentities> for IdentitiesBody {
    fn from(own: OwnIdentities) -> Self {
        Self {
            has_password: own.has_password,
            identities: own.identities.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<OwnIdentity> for IdentityBody {
    fn from(identity: OwnIdentity) -> Self {
        Self {
            identity_id: identity.identity_id,
            provider: identity.provider,
            title: identity.title,
            linked_at: Instant(identity.linked_at_ms),
            last_used_at: Instant(identity.last_used_at_ms),
        }
    }
}
