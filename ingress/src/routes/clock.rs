//! The clocks that stamp records.

pub(crate) mod reset;
pub(crate) mod status;
