//! One store, two databases.

mod answers;
mod bookings;
mod changes;
mod counts;
mod events;
mod handle;
mod projection;
mod reconciliation;
mod seats;
pub(crate) mod shows;
mod snapshots;
mod standstill;

pub use counts::{BuyersTickets, ShowPlaces, Tickets};
pub use handle::Store;
pub use standstill::Standstill;
