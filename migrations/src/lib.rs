//! The relational store: catalog, bookings, snapshots, projector watermarks and remembered catalog
//! requests, on PostgreSQL or SQLite. The SQL of the schema stands beside the sources, in
//! `postgres/` and `sqlite/`.
//!
//! Bookings are a projection of the log; only the projector writes them. The catalog is mastered
//! here.
//!
//! Beside it, [`counts`]: what Redis holds for the precheck of several ingress nodes.
//!
//! A future of this crate must be polled to its end: sqlx 0.9.0 leaves a pooled connection in an
//! unknown state when a `begin()` is dropped half-way. Time limits are the server's.

pub mod booking;
pub mod catalog;
pub mod counts;
mod database;
pub mod document;
pub mod error;
pub mod job;
pub mod projection;
mod schema;
pub mod snapshot;
pub mod store;

pub use error::StoreError;
pub use store::Store;
