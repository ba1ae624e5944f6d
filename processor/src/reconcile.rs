//! Compares what the engine holds with what the database says, and Redis where there is one, then
//! repairs them from that report. The engine, being the log applied, is right by definition.
//!
//! Two steps on purpose: a report that a person can read, then the repair of just what it names,
//! each item looked at again first.

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
