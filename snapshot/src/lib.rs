//! Snapshots: one self-checking object per partition and offset, kept as files with a sled manifest
//! ([`directory`]) and in the database ([`database`]).

pub mod database;
pub mod directory;
mod error;
mod file;
mod format;
mod manifest;

pub use error::SnapshotError;
pub use format::{Snapshot, SnapshotHeader};
