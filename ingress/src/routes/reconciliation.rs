//! The database against the log.

pub(crate) mod apply;
pub(crate) mod report;
