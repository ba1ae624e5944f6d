//! Bookings: held, paid for, given back, read.

pub(super) mod body;
pub(super) mod cancel;
pub(super) mod confirm;
mod ended;
pub(super) mod extend;
mod holds;
pub(super) mod lines;
mod list;
mod one;
mod receipt;
pub(super) mod reserve;
pub(super) mod return_places;

use utoipa_axum::routes;

use crate::rate_limit::Class;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    let open = Rules::DEFAULT.for_guests();
    Endpoints::default()
        .with(
            routes!(reserve::reserve),
            open.class(Class::Reserve).bounds(reserve::BOUNDS),
        )
        .with(routes!(confirm::confirm), open.bounds(confirm::BOUNDS))
        .with(routes!(cancel::cancel), open)
        .with(
            routes!(return_places::return_places),
            Rules::DEFAULT.bounds(return_places::BOUNDS),
        )
        .with(
            routes!(extend::extend),
            Rules::DEFAULT.bounds(extend::BOUNDS),
        )
        .with(routes!(list::list), open.compressed().bounds(list::BOUNDS))
        .with(routes!(holds::holds), open.compressed())
        .with(routes!(one::one), open)
        .with(routes!(receipt::receipt), open)
}
