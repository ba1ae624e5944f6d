//! The database against the log.

mod apply;
mod report;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(report::report), Rules::DEFAULT.compressed())
        .with(
            routes!(apply::apply),
            Rules::DEFAULT.large_body().compressed(),
        )
}
