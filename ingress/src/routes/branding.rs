//! How tenants look, for everybody.

mod one;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(routes!(one::one), Rules::DEFAULT.compressed())
}
