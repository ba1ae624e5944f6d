//! Invitations to tenants.

mod accept;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(routes!(accept::accept), Rules::DEFAULT.remembered())
}
