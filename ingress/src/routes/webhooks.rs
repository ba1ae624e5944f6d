//! What others send when something has happened on their side.

mod gateway;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    // A gateway sends in bursts from few addresses, and its signature is cheaper to check than a limit is missed.
    Endpoints::default().with(routes!(gateway::gateway), Rules::UNLIMITED)
}
