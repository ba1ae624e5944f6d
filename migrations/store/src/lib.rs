//! The relational store: catalog, bookings, snapshots, projector watermarks, remembered catalog
//! requests, jobs, accounts and the audit trail, on PostgreSQL or SQLite. The SQL of the schema
//! stands beside this crate, in `migrations/postgres` and `migrations/sqlite`.
//!
//! Bookings are a projection of the log; only the projector writes them. The catalog is mastered
//! here.
//!
//! A caller may drop any future of this crate. A read ends with it. A write runs on a task of its own
//! once it is its turn: from then on it goes on to its end and is done or not, never half; before,
//! nothing was begun. There are as many turns as connections to write on, and a write keeps its turn
//! until it gives its connection back, so there are never more writes under way; [`Store::close`] waits
//! for them. A statement of
//! PostgreSQL's ends within 15 s (one that sweeps within an hour) even where the server has fallen
//! silent; whatever was to be known of it is [`StoreError::Unreachable`] then.

pub mod account;
pub mod account_answer;
pub mod address_change;
pub mod audit;
pub mod booking;
pub mod branding;
pub mod catalog;
pub mod code;
mod config;
mod database;
pub mod document;
pub mod error;
pub mod factor;
pub mod job;
pub mod listed;
pub mod mail;
pub mod notice;
pub mod payment;
pub mod projection;
pub mod reset;
pub mod retention;
mod schema;
mod scope;
pub mod sealed_columns;
mod shadows;
pub mod snapshot;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod venue;

pub use config::{DatabaseConfig, TlsMode, UrlError};
pub use database::Latch;
pub use database::tls::{Transport, Verified};
pub use error::StoreError;
pub use schema::{LaterMigrations, MissingObject};
pub use scope::Scope;
pub use store::Store;
