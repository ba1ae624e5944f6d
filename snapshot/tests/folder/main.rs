//! A folder of snapshots, from outside.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod directory;
mod manifests;
mod support;
