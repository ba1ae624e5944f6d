//! The tests of `api` in which the database answers, once more over PostgreSQL. The role there is an ordinary
//! one, so that row-level security holds: what it hides from a caller who may see it fails here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its report"
)]
#![expect(
    dead_code,
    unused_imports,
    reason = "some of what the tests share is for those that are not here"
)]
mod accounts;
mod audit_trail;
mod authorisation;
mod bookings_read;
mod branding;
mod catalog;
mod codes;
mod cookies;
mod events;
mod explanations;
mod factors;
mod federated;
mod finder;
mod growing;
mod guests;
mod isolation;
mod offer;
mod orders;
mod passkeys;
mod payments;
mod pictures;
mod remembered;
mod rights;
mod shows;
mod support;
mod tenants;
mod users;
mod venues;
