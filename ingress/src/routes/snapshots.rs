//! Snapshots of partitions.

pub(crate) mod create;
pub(crate) mod list;
