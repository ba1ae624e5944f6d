//! Tests with the real binary as a process of its own, killed and restarted for real.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test reports"
)]

mod disk_full;
mod kill_nine;
mod life;
mod postgres;
mod support;
