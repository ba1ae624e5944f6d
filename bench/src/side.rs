//! What stands beside a measurement: processes that are measured, and the machine itself.

pub(crate) mod child;
pub(crate) mod cluster;
pub(crate) mod conditions;
pub(crate) mod job;
pub(crate) mod onsale;
pub(crate) mod say;
