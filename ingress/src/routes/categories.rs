//! Categories of events, of the installation.

mod body;
mod change;
mod create;
mod first;
mod list;
mod remove;

use utoipa_axum::routes;

pub(crate) use self::first::add_first;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(routes!(list::list), Rules::DEFAULT.compressed())
        .with(
            routes!(create::create),
            Rules::DEFAULT.remembered().bounds(create::BOUNDS),
        )
        .with(
            routes!(change::change),
            Rules::DEFAULT.remembered().bounds(change::BOUNDS),
        )
        .with(routes!(remove::remove), Rules::DEFAULT.remembered())
}
