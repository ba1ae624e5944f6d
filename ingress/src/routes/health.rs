//! For probes and scrapers.

pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod ready;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(live::live), Rules::UNLIMITED)
        .with(routes!(ready::ready), Rules::UNLIMITED)
}
