//! The surroundings of a measurement: measured processes, and the machine itself.

pub(crate) mod child;
pub(crate) mod cluster;
pub(crate) mod conditions;
pub(crate) mod job;
pub(crate) mod onsale;
pub(crate) mod say;
