//! Events of the catalog.

pub(super) mod body;
mod create;
mod find;
mod list;
mod one;
mod suggest;
mod update;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(list::list),
            Rules::DEFAULT.compressed().bounds(list::BOUNDS),
        )
        .with(
            routes!(suggest::suggest),
            Rules::DEFAULT.bounds(suggest::BOUNDS),
        )
        .with(
            routes!(create::create),
            Rules::DEFAULT.compressed().bounds(body::BOUNDS),
        )
        .with(routes!(one::one), Rules::DEFAULT.compressed())
        .with(routes!(update::update), Rules::DEFAULT.compressed())
}
