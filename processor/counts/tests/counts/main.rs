//! Counts in a real Redis: checks, writes, and everything that can be wrong with it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its report"
)]

mod asking;
mod build;
mod encrypted;
mod faults;
mod server;
mod writing;
