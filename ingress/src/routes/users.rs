//! Accounts, as admins of the installation look after them.

mod body;
mod disable;
mod enable;
mod end_sessions;
mod list;
mod one;
mod set_role;

use onsale_accounts::Acting;
use onsale_store::account::Requirement;
use utoipa_axum::routes;

use crate::auth::{Caller, Right, Role};
use crate::error::ApiError;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::endpoints::Endpoints;
use crate::routes::tenants::acting_as;
use crate::rules::Rules;

/// To see accounts and to look after them.
const LOOK_AFTER_ACCOUNTS: Right = Right::of_roles(
    &[Role::Operator],
    "Accounts are looked after by admins of the installation. (Where staff needs a second factor, its rights \
     begin once that is set up.)",
);

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(list::list), Rules::DEFAULT.bounds(list::BOUNDS))
        .with(routes!(one::one), Rules::DEFAULT)
        .with(routes!(disable::disable), Rules::DEFAULT.remembered())
        .with(routes!(enable::enable), Rules::DEFAULT.remembered())
        .with(
            routes!(end_sessions::end_sessions),
            Rules::DEFAULT.remembered(),
        )
        .with(
            routes!(set_role::set_role),
            Rules::DEFAULT.bounds(set_role::BOUNDS).remembered(),
        )
}

/// Refuses everyone but admins of the installation.
///
/// # Errors
/// `FORBIDDEN`.
fn admit(caller: &Caller) -> Result<(), ApiError> {
    caller.permit(&LOOK_AFTER_ACCOUNTS)
}

/// Who acts, for what compares the rows again: the account has to be an admin's still.
fn acting(caller: &Caller, call: &AccountCall) -> Acting {
    acting_as(caller, call, Requirement::Admin)
}
