//! One folder per noun, one file per endpoint: its types, its errors, its documentation, its handler.

pub(crate) mod bookings;
pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod partitions;
pub(crate) mod reconciliation;
pub(crate) mod requests;
pub(crate) mod shows;
pub(crate) mod snapshots;

mod catalog_call;
mod ownership;
mod projected;
mod visible;

pub(crate) use shows::resume::resume_openings;
