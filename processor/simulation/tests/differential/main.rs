//! The engine against the naive model: every outcome and all visible state, after every record.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod backlogs;
mod orders;
mod pair;
mod random;
mod version_3;
