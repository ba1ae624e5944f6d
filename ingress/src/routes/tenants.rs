//! Tenants, the houses of organizers, and who belongs to them.

mod api_keys;
mod body;
mod branding;
mod branding_body;
mod change;
mod change_member;
mod create;
mod create_api_key;
mod invitations;
mod invite;
mod list;
mod logo;
mod members;
mod membership_body;
mod one;
mod remove_logo;
mod remove_member;
mod revoke_api_key;
mod set_branding;
mod set_logo;
mod withdraw_invitation;

use onsale_accounts::{Acting, Action};
use onsale_schemas::TenantId;
use onsale_store::account::Requirement;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::audit;
use crate::auth::{Caller, Right, Role};
use crate::error::ApiError;
use crate::rate_limit::Class;
use crate::remembered::Remembers;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::endpoints::Endpoints;
use crate::routes::still;
use crate::rules::Rules;

pub(crate) use branding_body::BrandingBody;
pub(super) use membership_body::MembershipBody;

/// Members, the admins of a tenant, and operators.
const STAFF: [Role; 3] = [Role::Organizer, Role::Admin, Role::Operator];

/// To change the names of a tenant, how it looks and what it says of itself.
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
/// To create keys of payment services.
const CREATE_PAYMENT_KEYS: Right = Right::of_members_alone(
    &STAFF,
    Action::CreatePaymentKeys,
    "Only owners of the tenant create keys of payment services.",
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
            Rules::DEFAULT.bounds(create::BOUNDS).remembered(),
        )
        .with(routes!(list::list), Rules::DEFAULT.bounds(list::BOUNDS))
        .with(routes!(one::one), Rules::DEFAULT)
        .with(
            routes!(change::change),
            Rules::DEFAULT.bounds(change::BOUNDS).remembered(),
        )
        .with(routes!(branding::branding), Rules::DEFAULT)
        .with(
            // Terms are long.
            routes!(set_branding::set_branding),
            Rules::DEFAULT
                .large_body()
                .bounds(branding_body::BOUNDS)
                .remembered(),
        )
        .with(routes!(logo::logo), Rules::DEFAULT)
        .with(
            // Each is drawn anew, and lies where uploads do for an hour at least.
            routes!(set_logo::set_logo),
            Rules::DEFAULT
                .class(Class::Upload)
                .large_body()
                .remembered(),
        )
        .with(
            routes!(remove_logo::remove_logo),
            Rules::DEFAULT.remembered(),
        )
        .with(routes!(members::members), Rules::DEFAULT)
        .with(
            // It sends a mail to a stranger.
            routes!(invite::invite),
            Rules::DEFAULT
                .class(Class::Reset)
                .bounds(invite::BOUNDS)
                .remembered(),
        )
        .with(routes!(invitations::invitations), Rules::DEFAULT)
        .with(
            routes!(withdraw_invitation::withdraw_invitation),
            Rules::DEFAULT.remembered(),
        )
        .with(
            routes!(change_member::change_member),
            Rules::DEFAULT.bounds(change_member::BOUNDS).remembered(),
        )
        .with(
            routes!(remove_member::remove_member),
            Rules::DEFAULT.remembered(),
        )
        .with(routes!(api_keys::api_keys), Rules::DEFAULT)
        .with(
            routes!(create_api_key::create_api_key),
            Rules::DEFAULT
                .bounds(create_api_key::BOUNDS)
                .remembering(Remembers::OF_CALLERS.holding_secrets()),
        )
        .with(
            routes!(revoke_api_key::revoke_api_key),
            Rules::DEFAULT.remembered(),
        )
}

/// Refuses callers who may not do this for a tenant; to those of others there is no such tenant.
fn permit(caller: &Caller, tenant: Uuid, right: &Right) -> Result<(), ApiError> {
    caller
        .authority_over(TenantId(tenant), right, || ApiError::not_found("tenant"))
        .map(drop)
}

/// Who does what its token permits. What the token says is compared with what holds when it is done: the
/// right may have been withdrawn since the token was minted, and what is done here outlives it.
fn acting(caller: &Caller, call: &AccountCall, action: Action) -> Acting {
    acting_as(caller, call, still::required(caller, action))
}

/// As [`acting`], where something else has to hold.
pub(super) fn acting_as(caller: &Caller, call: &AccountCall, requires: Requirement) -> Acting {
    Acting {
        actor: audit::actor(caller, &call.context),
        mandate: still::mandate(caller, requires, call.now_ms),
        repeat: call.origin.repeat.clone(),
    }
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
