//! Shows: their sale, their seats, what is free.

mod add_seats;
mod add_zone;
mod amend;
mod availability;
mod block;
mod body;
mod cancel;
mod close;
mod codes;
mod create;
mod delete;
mod growing;
mod layout;
mod list;
mod offer;
mod one;
mod page;
mod quote;
pub(super) mod resume;
mod seats;
mod stream;
mod take_seats;
mod unblock;
mod zones;

pub(super) use self::body::ShowBody;
pub(super) use self::list::show_cursor;

use utoipa_axum::routes;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(list::shows),
            Rules::DEFAULT.compressed().bounds(list::BOUNDS),
        )
        .with(
            routes!(create::create),
            Rules::DEFAULT
                .large_body()
                .compressed()
                .bounds(create::BOUNDS),
        )
        .with(routes!(one::one), Rules::DEFAULT.compressed())
        .with(
            routes!(amend::amend),
            Rules::DEFAULT.compressed().bounds(amend::BOUNDS),
        )
        .with(routes!(delete::delete), Rules::DEFAULT.remembered())
        .with(routes!(close::close), Rules::DEFAULT)
        .with(routes!(cancel::cancel), Rules::DEFAULT)
        .with(
            routes!(block::block),
            Rules::DEFAULT.large_body().bounds(block::BOUNDS),
        )
        .with(routes!(unblock::unblock), Rules::DEFAULT.large_body())
        .with(
            routes!(add_seats::add_seats),
            Rules::DEFAULT.large_body().bounds(add_seats::BOUNDS),
        )
        .with(
            routes!(take_seats::take_seats),
            Rules::DEFAULT.large_body().bounds(take_seats::BOUNDS),
        )
        .with(routes!(add_zone::add_zone), Rules::DEFAULT.large_body())
        .with(routes!(zones::zones), Rules::DEFAULT.compressed())
        .with(routes!(seats::seats), Rules::DEFAULT.bounds(seats::BOUNDS))
        .with(
            routes!(quote::quote),
            Rules::DEFAULT.for_guests().bounds(quote::BOUNDS),
        )
        .with(routes!(offer::one::one), Rules::DEFAULT.compressed())
        .with(
            routes!(offer::set::set),
            Rules::DEFAULT
                .large_body()
                .compressed()
                .bounds(offer::BOUNDS),
        )
        .with(
            routes!(availability::availability),
            Rules::DEFAULT.bounds(availability::BOUNDS),
        )
        .with(
            routes!(stream::events),
            Rules::DEFAULT.bounds(availability::BOUNDS),
        )
        .and(codes::endpoints())
}
