//! Snapshots: one self-checking object per partition and offset, kept as files with a sled manifest
//! ([`directory`]) and in the database ([`database`]).

#[cfg(test)]
mod crash_points;
pub mod database;
pub mod directory;
mod error;
mod folder;
mod format;
mod manifest;

pub use error::SnapshotError;
pub use format::{Snapshot, SnapshotHeader};
