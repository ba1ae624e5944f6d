//! Bookings: held, paid for, given back, read.

pub(super) mod body;
pub(super) mod cancel;
pub(super) mod confirm;
mod ended;
pub(super) mod extend;
mod holds;
mod list;
mod one;
mod receipt;
pub(super) mod reserve;

use utoipa_axum::routes;

use crate::rate_limit::Class;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(reserve::reserve),
            Rules::DEFAULT.class(Class::Reserve).bounds(reserve::BOUNDS),
        )
        .with(
            routes!(confirm::confirm),
            Rules::DEFAULT.bounds(confirm::BOUNDS),
        )
        .with(routes!(cancel::cancel), Rules::DEFAULT)
        .with(
            routes!(extend::extend),
            Rules::DEFAULT.bounds(extend::BOUNDS),
        )
        .with(
            routes!(list::list),
            Rules::DEFAULT.compressed().bounds(list::BOUNDS),
        )
        .with(routes!(holds::holds), Rules::DEFAULT.compressed())
        .with(routes!(one::one), Rules::DEFAULT)
        .with(routes!(receipt::receipt), Rules::DEFAULT)
}
