//! Formats of files that organizers send, for programs.

mod hall;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    // Compressed once for all readers.
    Endpoints::default().with(routes!(hall::hall), Rules::DEFAULT)
}
