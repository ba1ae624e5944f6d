//! The relational store: catalog, bookings, snapshots, projector watermarks and remembered catalog
//! requests, on PostgreSQL or SQLite. The SQL of the schema stands beside this crate, in
//! `migrations/postgres` and `migrations/sqlite`.
//!
//! Bookings are a projection of the log; only the projector writes them. The catalog is mastered
//! here.
//!
//! A future of this crate must be polled to its end: sqlx 0.9.0 leaves a pooled connection in an
//! unknown state when a `begin()` is dropped half-way. Time limits are the server's.

pub mod booking;
pub mod catalog;
mod config;
mod database;
pub mod document;
pub mod error;
pub mod job;
pub mod projection;
mod schema;
pub mod snapshot;
pub mod store;

pub use config::{DatabaseConfig, UrlFileError};
pub use error::StoreError;
pub use store::Store;
