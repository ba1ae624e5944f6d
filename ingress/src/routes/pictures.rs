//! Pictures of events, for those who see the event.

mod one;

use utoipa_axum::routes;
use uuid::Uuid;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(routes!(one::one), Rules::DEFAULT)
}

/// Where a picture of this width is.
pub(super) fn path(picture_id: Uuid, width: u32) -> String {
    format!("/api/v1/pictures/{picture_id}/{width}")
}
