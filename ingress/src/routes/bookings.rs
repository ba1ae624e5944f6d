//! What buyers and services do with bookings.

pub(crate) mod body;
pub(crate) mod cancel;
pub(crate) mod confirm;
pub(crate) mod extend;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod pending;
pub(crate) mod receipt;
pub(crate) mod reserve;
