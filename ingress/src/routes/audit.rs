//! The audit trail.

mod list;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(routes!(list::list), Rules::DEFAULT.bounds(list::BOUNDS))
}
