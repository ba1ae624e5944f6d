//! Stripe's adapter against the counterpart, over real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test reports"
)]

mod answers;
mod books;
mod faults;
mod notices;
mod payments;
mod support;
mod validated;
