//! The HTTP interface through its router, over a scripted log and a real SQLite store. What the
//! engine decides is tested with the real engine elsewhere; here its answers are scripted, but for
//! orders, whose tests have the machine behind the log.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its report"
)]
mod accounts;
mod audit_trail;
mod auth;
mod authorisation;
mod availability;
mod bookings_cancel;
mod bookings_confirm;
mod bookings_read;
mod bookings_reserve;
mod branding;
mod catalog;
mod codes;
mod connections;
mod cookies;
mod describe;
mod events;
mod explanations;
mod factors;
mod federated;
mod finder;
mod fuzz;
mod growing;
mod guests;
mod headers;
mod idempotency;
mod isolation;
mod limits;
mod offer;
mod openapi;
mod operation;
mod orders;
mod passkeys;
mod payments;
mod pictures;
mod precheck;
mod rate_limit;
mod remembered;
mod requests;
mod rights;
mod server;
mod shows;
mod support;
mod tenants;
mod tls;
mod users;
mod venues;
