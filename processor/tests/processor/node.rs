//! Nodes over a real broker and a real PostgreSQL: who owns, what is published, where they start.
#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]
#![expect(clippy::print_stderr, reason = "says which tests are left out")]

mod fitting;
mod foreign;
mod leading;
mod projecting;
mod starting;
mod support;
