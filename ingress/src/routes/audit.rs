//! The audit trail.

mod export;
mod filter;
mod list;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(list::list), Rules::DEFAULT.bounds(list::BOUNDS))
        .with(
            routes!(export::export),
            Rules::DEFAULT.bounds(export::BOUNDS),
        )
}
