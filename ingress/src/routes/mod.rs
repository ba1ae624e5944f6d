//! One file per endpoint: its types, its errors, its documentation, its handler.

pub(crate) mod admin_clock;
pub(crate) mod admin_failover;
pub(crate) mod admin_partitions;
pub(crate) mod admin_reconcile;
pub(crate) mod admin_snapshots;
pub(crate) mod bookings_cancel;
pub(crate) mod bookings_confirm;
pub(crate) mod bookings_extend;
pub(crate) mod bookings_list;
pub(crate) mod bookings_one;
pub(crate) mod bookings_pending;
pub(crate) mod bookings_receipt;
pub(crate) mod bookings_reserve;
pub(crate) mod events_create;
pub(crate) mod events_list;
pub(crate) mod events_one;
pub(crate) mod events_shows;
pub(crate) mod events_update;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod requests_explanation;
pub(crate) mod requests_one;
pub(crate) mod shows_amend;
pub(crate) mod shows_availability;
pub(crate) mod shows_block;
pub(crate) mod shows_cancel;
pub(crate) mod shows_close;
pub(crate) mod shows_create;
pub(crate) mod shows_one;
pub(crate) mod shows_seats;
pub(crate) mod shows_zones;

mod booking_body;
mod catalog_call;
pub(crate) mod event_body;
mod explanation_body;
mod ownership;
mod projected;
mod resume;
mod show_body;
pub(crate) mod show_layout;
mod visible;

pub(crate) use admin_snapshots::to_error as operation_error;
pub(crate) use resume::resume_openings;
