//! Members of one partition over a log and a topic in memory.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod buffers;
mod cluster;
mod disputes;
mod leading;
