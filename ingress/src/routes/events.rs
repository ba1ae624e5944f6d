//! Events of the catalog.

pub(super) mod body;
mod by_slug;
mod calendar;
mod copy;
mod create;
mod delete;
mod export_orders;
mod find;
mod list;
mod named;
mod one;
mod order_search;
mod order_table;
mod orders;
mod page;
mod patch;
mod picture_body;
mod place_body;
mod remove_picture;
mod schema;
mod schema_org;
mod set_picture;
mod suggest;
mod tenant_calendar;
mod update;
mod venue;

use utoipa_axum::routes;

use crate::rate_limit::Class;
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
        .with(
            routes!(one::one),
            Rules::DEFAULT.compressed().bounds(one::BOUNDS),
        )
        .with(routes!(update::update), Rules::DEFAULT.compressed())
        .with(
            routes!(patch::patch),
            Rules::DEFAULT.compressed().bounds(body::patch::BOUNDS),
        )
        .with(routes!(delete::delete), Rules::DEFAULT.remembered())
        .with(
            // As a logo: each is drawn anew, and lies where uploads do for an hour at least.
            routes!(set_picture::set_picture),
            Rules::DEFAULT
                .class(Class::Upload)
                .large_body()
                .bounds(set_picture::BOUNDS)
                .remembered(),
        )
        .with(
            routes!(remove_picture::remove_picture),
            Rules::DEFAULT.remembered(),
        )
        .with(
            routes!(copy::copy),
            Rules::DEFAULT.compressed().bounds(copy::BOUNDS),
        )
        .with(routes!(by_slug::by_slug), Rules::DEFAULT.compressed())
        .with(routes!(schema::schema), Rules::DEFAULT.compressed())
        .with(routes!(calendar::calendar), Rules::DEFAULT.compressed())
        .with(
            routes!(tenant_calendar::tenant_calendar),
            Rules::DEFAULT.compressed(),
        )
        .with(
            routes!(orders::orders),
            Rules::DEFAULT.compressed().bounds(orders::BOUNDS),
        )
        .with(
            routes!(export_orders::export),
            Rules::DEFAULT.bounds(export_orders::BOUNDS),
        )
}
