//! The parts of a process of the distributed mode that are neither ingress nor processor.

pub(crate) mod announce;
pub(crate) mod faked_clock;
pub(crate) mod gate;
pub(crate) mod internal;
pub(crate) mod nodes;
pub(crate) mod owners;
pub(crate) mod ownership;
pub(crate) mod peers;
pub(crate) mod reconcile;
pub(crate) mod schedule;
pub(crate) mod seats;
pub(crate) mod watermarks;
