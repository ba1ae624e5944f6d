//! The clocks that stamp records.

mod reset;
mod status;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(status::status), Rules::DEFAULT)
        .with(routes!(reset::reset), Rules::DEFAULT)
}
