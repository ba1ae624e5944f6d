//! Charts of shows, by what they are.

mod one;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    // Compressed once for all readers.
    Endpoints::default().with(routes!(one::one), Rules::DEFAULT)
}

/// Where a chart is.
pub(crate) fn path(address: [u8; 32]) -> String {
    format!("/api/v1/charts/{}", onsale_halls::Address(address))
}
