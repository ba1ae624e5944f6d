//! Tenants, the houses of organizers, and who belongs to them.

mod api_keys;
mod body;
mod change;
mod change_member;
mod create;
mod create_api_key;
mod invite;
mod members;
mod one;
mod remove_member;
mod revoke_api_key;

use onsale_accounts::Action;
use onsale_schemas::TenantId;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Right, Role};
use crate::error::ApiError;
use crate::rate_limit::Class;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// Members, the admins of a tenant, and operators.
const STAFF: [Role; 3] = [Role::Organizer, Role::Admin, Role::Operator];

/// To change the names of a tenant.
const MANAGE_TENANT: Right = Right::of_members_alone(
    &STAFF,
    Action::ManageTenant,
    "Only members of the tenant change it.",
);
/// To list, create and revoke API keys.
const MANAGE_INTEGRATIONS: Right = Right::of_members_alone(
    &STAFF,
    Action::ManageIntegrations,
    "Only members of the tenant manage its API keys.",
);
/// To see, invite, change and remove members.
const MANAGE_MEMBERS: Right = Right::of_members_alone(
    &STAFF,
    Action::ManageMembers,
    "Only owners of the tenant manage its members.",
);

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(create::create),
            Rules::DEFAULT.bounds(create::BOUNDS),
        )
        .with(routes!(one::one), Rules::DEFAULT)
        .with(
            routes!(change::change),
            Rules::DEFAULT.bounds(change::BOUNDS),
        )
        .with(routes!(members::members), Rules::DEFAULT)
        .with(
            // It sends a mail to a stranger.
            routes!(invite::invite),
            Rules::DEFAULT.class(Class::Reset).bounds(invite::BOUNDS),
        )
        .with(
            routes!(change_member::change_member),
            Rules::DEFAULT.bounds(change_member::BOUNDS),
        )
        .with(routes!(remove_member::remove_member), Rules::DEFAULT)
        .with(routes!(api_keys::api_keys), Rules::DEFAULT)
        .with(
            routes!(create_api_key::create_api_key),
            Rules::DEFAULT.bounds(create_api_key::BOUNDS),
        )
        .with(routes!(revoke_api_key::revoke_api_key), Rules::DEFAULT)
}

/// Refuses callers who may not do this for a tenant; to those of others there is no such tenant.
fn permit(caller: &Caller, tenant: Uuid, right: &Right) -> Result<(), ApiError> {
    caller
        .authority_over(TenantId(tenant), right, || ApiError::not_found("tenant"))
        .map(drop)
}

/// Refuses callers who do not belong to a tenant.
fn belongs(caller: &Caller, tenant: Uuid) -> Result<(), ApiError> {
    let is_of = |role: Role| match role {
        Role::Organizer => caller.is_of_team(),
        Role::Admin | Role::Operator => true,
        Role::Buyer | Role::Service | Role::Platform => false,
    };
    if is_of(caller.role) && caller.scope().holds(tenant) {
        Ok(())
    } else {
        Err(ApiError::not_found("tenant"))
    }
}
