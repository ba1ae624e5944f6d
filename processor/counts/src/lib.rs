//! Counts in Redis, shared by several ingress nodes for the precheck: free places by zone, tickets by
//! buyer and event.
//!
//! The projector is the only writer, with versions; an ingress asks by one script in one round trip.
//! Nothing here is trusted. What the script would refuse by is given back as evidence, and only
//! evidence that is whole, possible and not from the future refuses anybody; everything else means
//! "ask the log". Redis that is gone, slow, empty or wrong costs an early refusal, never a sale.

mod breaker;
mod check;
mod client;
mod keys;
mod metrics;
mod values;
mod write;

pub use check::{Check, RateBucket, Refusal};
pub use client::{Counts, CountsError, CountsSettings};
pub use values::{UserTickets, ZonePlaces};
pub use write::{UserWrite, Written, ZoneWrite};
