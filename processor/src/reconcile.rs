//! Compares what the engine holds with what the database says, then repairs the database from that
//! report. The engine, being the log applied, is right by definition.
//!
//! Two steps on purpose: a report that a person can read, then the repair of just what it names,
//! each item looked at again first.

mod compare;
mod repair;
mod report;

pub use compare::compare;
pub use repair::{Applied, ApplyError, apply};
pub use report::{Checked, Difference, Finding, PartitionPosition, Report};
