//! The result of a request.

mod answering;
pub(super) mod body;
mod explanation;
mod one;
mod prices;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(one::one), Rules::DEFAULT.for_guests())
        .with(
            routes!(explanation::explanation),
            Rules::DEFAULT.for_guests().bounds(explanation::BOUNDS),
        )
}
