//! The relational store: catalog, bookings, snapshots, projector watermarks and remembered catalog
//! requests, on PostgreSQL or SQLite. The SQL of the schema stands beside the sources, in
//! `postgres/` and `sqlite/`.
//!
//! Bookings are a projection of the log; only the projector writes them. The catalog is mastered
//! here.

pub mod booking;
pub mod catalog;
pub mod error;
pub mod projection;
pub mod snapshot;
pub mod store;

pub use error::StoreError;
pub use store::Store;
