//! One folder per noun, one file per endpoint: its types, its errors, its documentation, its handler.

mod audit;
mod auth;
mod bookings;
mod branding;
mod categories;
pub(crate) mod charts;
mod clock;
mod events;
mod factors;
pub(crate) mod health;
pub(crate) mod home;
mod invitations;
mod logos;
mod partitions;
mod payments;
mod pictures;
mod reconciliation;
mod refunds;
mod requests;
mod schemas;
mod shows;
mod snapshots;
mod tenants;
mod users;
mod venues;
mod webhooks;

mod call;
mod catalog_call;
mod cursor;
mod endpoints;
mod exports;
mod managers;
mod ownership;
mod paging;
mod projected;
mod still;
mod visible;

use utoipa::openapi::OpenApi;

pub(crate) use self::categories::add_first as add_first_categories;
use self::endpoints::Endpoints;
pub(crate) use self::shows::resume::resume_openings;

/// The endpoints of all nouns, beginning with a document of none.
pub(crate) fn endpoints(document: OpenApi) -> Endpoints {
    Endpoints::new(document)
        .and(auth::endpoints())
        .and(factors::endpoints())
        .and(tenants::endpoints())
        .and(users::endpoints())
        .and(invitations::endpoints())
        .and(branding::endpoints())
        .and(logos::endpoints())
        .and(audit::endpoints())
        .and(bookings::endpoints())
        .and(payments::endpoints())
        .and(refunds::endpoints())
        .and(webhooks::endpoints())
        .and(requests::endpoints())
        .and(categories::endpoints())
        .and(events::endpoints())
        .and(pictures::endpoints())
        .and(shows::endpoints())
        .and(venues::endpoints())
        .and(charts::endpoints())
        .and(schemas::endpoints())
        .and(partitions::endpoints())
        .and(clock::endpoints())
        .and(snapshots::endpoints())
        .and(reconciliation::endpoints())
        .and(health::endpoints())
}
