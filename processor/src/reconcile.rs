//! Compares the engine's state with the database, and with Redis where there is one, then repairs
//! them from that report. The engine, being the log applied, is right by definition.
//!
//! In the embedded mode the follower is frozen at a position that the projection has reached. Over
//! Kafka nothing stops: the database is read as of one moment, and copies of the machines are
//! brought to it from the log. Every live booking and block is compared, and each show's status,
//! times and prices.
//!
//! Two steps on purpose: a report that a person can read, then the repair of exactly what it names.
//! Each item is looked at again first, and all bookings are repaired at once, because seats may
//! have changed hands. Where the projection had stopped, the repair also writes what has ended
//! meanwhile, and records how far the database is.

mod compare;
mod counts;
mod repair;
mod report;

pub use compare::compare;
pub use repair::{Applied, ApplyError, apply, check};
pub use report::{Checked, Difference, Finding, PartitionPosition, Report};

use onsale_counts::Counts;
use onsale_store::Store;

/// What is compared with the engine and repaired.
#[derive(Clone, Copy, Debug)]
pub struct Projections<'a> {
    /// The database.
    pub store: &'a Store,
    /// Redis, where there is one.
    pub counts: Option<&'a Counts>,
}

impl<'a> From<&'a Store> for Projections<'a> {
    /// The database alone.
    fn from(store: &'a Store) -> Self {
        Self {
            store,
            counts: None,
        }
    }
}
