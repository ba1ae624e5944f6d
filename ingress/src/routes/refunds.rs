//! Refunds: asked for with a payment, decided by staff.

mod approve;
pub(super) mod body;
mod decide;
mod list;
mod of_payment;
mod refuse;

use onsale_accounts::Action;
use onsale_store::payment::Refund;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{Caller, Right, Role};
use crate::error::ApiError;
use crate::routes::endpoints::Endpoints;
use crate::routes::payments::within_reach;
use crate::rules::Rules;
use crate::state::AppState;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(list::list),
            Rules::DEFAULT.compressed().bounds(list::BOUNDS),
        )
        .with(
            routes!(of_payment::of_payment),
            Rules::DEFAULT.for_guests().compressed(),
        )
        .with(routes!(approve::approve), Rules::DEFAULT.remembered())
        .with(
            routes!(refuse::refuse),
            Rules::DEFAULT.remembered().bounds(refuse::BOUNDS),
        )
}

/// To decide about refunds.
pub(super) const APPROVE_REFUNDS: Right = Right::of_members(
    &[Role::Organizer, Role::Admin, Role::Operator],
    Action::ApproveRefunds,
    "Refunds are decided by the staff of their tenant.",
);

fn nothing() -> ApiError {
    ApiError::not_found("refund")
}

/// A refund that the caller may decide about. To others there is no such refund.
async fn to_decide(state: &AppState, caller: &Caller, id: Uuid) -> Result<Refund, ApiError> {
    caller.permit(&APPROVE_REFUNDS)?;
    // Whose it is, is looked at before anything of it is said.
    let refund = state.installation.refund(id).await?.ok_or_else(nothing)?;
    within_reach(state, caller, refund.payment, &APPROVE_REFUNDS)
        .await
        .map_err(|error| match error.code() {
            crate::error::Code::NotFound => nothing(),
            _ => error,
        })?;
    Ok(refund)
}
