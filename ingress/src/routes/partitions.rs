//! Partitions and the nodes that own them.

mod failover;
mod list;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(list::partitions), Rules::DEFAULT.compressed())
        .with(
            routes!(failover::failover),
            Rules::DEFAULT.bounds(failover::BOUNDS),
        )
}
