//! The real engine behind the real ingress, with a real Redis in between that is killed, emptied,
//! stopped and lied to. Nothing of that may sell a seat twice, or keep one from being sold.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test reports"
)]

mod faults;
#[path = "../shared/http_client.rs"]
mod http_client;
mod reconcile;
#[path = "../../../../processor/counts/tests/counts/server.rs"]
mod server;
mod stack;
