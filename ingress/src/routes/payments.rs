//! Payments: opened for a booking, read, cancelled, paid back.

pub(super) mod body;
mod cancel;
mod create;
pub(super) mod list;
mod one;
mod refund;

use onsale_accounts::Action;
use onsale_store::payment::Payment;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Right, Role};
use crate::error::ApiError;
use crate::routes::endpoints::Endpoints;
use crate::routes::{managers, ownership};
use crate::rules::Rules;
use crate::state::AppState;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    let open = Rules::DEFAULT.for_guests();
    Endpoints::default()
        .with(routes!(create::create), open.bounds(create::BOUNDS))
        .with(
            routes!(list::list),
            Rules::DEFAULT.compressed().bounds(list::BOUNDS),
        )
        .with(routes!(one::one), open)
        .with(routes!(cancel::cancel), open.remembered())
        .with(routes!(refund::refund), open.bounds(refund::BOUNDS))
}

/// To read the payments of others.
pub(super) const READ_PAYMENTS: Right = Right::of_members(
    &[
        Role::Organizer,
        Role::Admin,
        Role::Service,
        Role::Operator,
        Role::Platform,
    ],
    Action::ReadPayments,
    "Payments are read by their buyer and by the staff of their tenant.",
);

fn nothing() -> ApiError {
    ApiError::not_found("payment")
}

/// A payment of the caller, or of a booking that it has `right` over. To others there is no such payment.
pub(super) async fn within_reach(
    state: &AppState,
    caller: &Caller,
    id: Uuid,
    right: &Right,
) -> Result<Payment, ApiError> {
    if caller.role != Role::Buyer {
        caller.permit(right)?;
    }
    // Whose it is, is looked at before anything of it is said.
    let payment = state.installation.payment(id).await?.ok_or_else(nothing)?;
    let is_within = match caller.role {
        Role::Buyer => ownership::is_of(state, caller.user, payment.user).await?,
        Role::Organizer | Role::Admin | Role::Service | Role::Operator | Role::Platform => state
            .store
            .event_within(caller.scope(), payment.event)
            .await?
            .is_some_and(|event| caller.role != Role::Organizer || managers::owns(caller, &event)),
    };
    if is_within {
        Ok(payment)
    } else {
        Err(nothing())
    }
}
