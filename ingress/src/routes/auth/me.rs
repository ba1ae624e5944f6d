//! `GET /auth/me`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::Person;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::{AccountCall, acting_for};
use super::body::PersonBody;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::tenants::MembershipBody;

/// An account with the tenants that it belongs to, as its person sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(crate) struct MeBody {
    #[serde(flatten)]
    person: PersonBody,
    /// The open tenants that the account belongs to, by slug; at most 100. Sign in with the `tenant_id` of one to
    /// act for it.
    memberships: Vec<MembershipBody>,
}

impl MeBody {
    /// An account of a person with its tenants.
    pub(super) async fn of(
        call: &AccountCall,
        user: Uuid,
        person: Person,
    ) -> Result<Self, ApiError> {
        let memberships = call.accounts.memberships(user).await?;
        Ok(Self {
            person: PersonBody::from(person),
            memberships: memberships.into_iter().map(MembershipBody::from).collect(),
        })
    }
}

/// The caller's account; of a guest's token, the guest.
#[utoipa::path(
    get, path = "/api/v1/auth/me", operation_id = "get_me", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account", body = Success<MeBody>),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn me(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    if caller.guest.is_some() {
        let guest = call.accounts.guest(caller.user.0, call.now_ms).await?;
        let body = MeBody {
            person: PersonBody::from(guest),
            memberships: Vec::new(),
        };
        return envelope::success(&call.context, StatusCode::OK, &body);
    }
    let tenant = acting_for(&caller);
    let person = call.accounts.me(caller.user.0, tenant, call.now_ms).await?;
    let body = MeBody::of(&call, caller.user.0, person).await?;
    envelope::success(&call.context, StatusCode::OK, &body)
}
