//! Partitions and the nodes that own them.

pub(crate) mod failover;
pub(crate) mod list;
