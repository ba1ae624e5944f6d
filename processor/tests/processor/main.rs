//! The parts of a processor from outside: each over what it stands on, in memory or for real.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test reports, and what is left out is worth a line"
)]

mod counts_feed;
mod member;
mod node;
mod orders;
mod projector;
mod replica;
mod trimmed_log;
