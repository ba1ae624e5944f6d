//! Tests with the real binary as a process of its own, killed and restarted for real.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test reports, and what it measured is worth a line"
)]

mod disk_full;
mod kill_nine;
mod life;
mod postgres;
mod support;
mod traces;
