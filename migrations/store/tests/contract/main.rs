//! What every database under the store must do, run on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests: a panic there is the report"
)]

mod accounts;
mod answers;
mod audit;
mod audit_chain;
mod audit_decided;
mod audit_roles;
mod branding;
mod broken_transactions;
mod build;
mod catalog;
mod catalog_changes;
mod changes;
mod codes;
mod counts;
mod documents;
mod double_sale;
mod dropped;
mod encrypted;
mod event_pages;
mod events;
mod factors;
mod growing;
mod guests;
mod harness;
mod histories;
mod identities;
mod isolation;
mod jobs;
mod notices;
mod offers;
mod orders;
mod payments;
mod pictures;
mod projection;
mod proxy;
mod read_only;
mod reading;
mod reconciliation;
mod retention;
mod rights;
mod schema;
mod seats;
mod silence;
mod snapshots;
mod venues;
