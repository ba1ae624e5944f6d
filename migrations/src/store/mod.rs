//! One store, two databases.

mod answers;
mod bookings;
mod events;
mod handle;
mod projection;
mod reconciliation;
mod shows;
mod snapshots;

pub use handle::Store;
