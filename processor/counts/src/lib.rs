//! Counts in Redis, shared by several ingress nodes for the precheck: free places by zone, tickets
//! by buyer and event.
//!
//! The projector is the only writer, and a script leaves a newer version alone. Each number says as
//! of which position it is true. Free places expire after twelve seconds and are written again
//! every four, so a projector that is gone leaves nothing to refuse by; they also say from which
//! version on tickets are vouched for.
//!
//! An ingress asks by one script in one round trip. Nothing here is trusted: what the script would
//! refuse by is returned as evidence, and only evidence with its checksum, of the right size, not
//! from the future and not older than the buyer's last answer refuses anyone. Everything else
//! means "ask the log". Each node reports its requests in flight as its own number, which is valid
//! for a second and replaces the one before, so a node that dies leaves nothing behind, as a shared
//! counter would.
//!
//! A circuit breaker leaves Redis alone while it is slow or gone. Redis that is gone, slow, empty
//! or wrong costs an early refusal, never a sale.

mod breaker;
mod check;
mod client;
mod config;
mod keys;
mod metrics;
mod values;
mod write;

pub use check::{Check, RateBucket, Refusal};
pub use client::{Counts, CountsError, CountsSettings};
pub use config::RedisConfig;
pub use values::{UserTickets, ZonePlaces};
pub use write::{UserWrite, Written, ZoneWrite};
