//! The naive machine, one file per group of commands.

mod best_available;
mod blocking;
mod bookings;
mod cooldown;
mod documents;
mod events;
mod idempotency;
mod invariants;
mod lifecycle;
mod machine;
mod references;
mod reserve;
mod reset_clock;
mod sale;
mod shows;
#[cfg(test)]
mod testing;
mod users;

pub use bookings::{Booking, BookingState};
pub use events::Event;
pub use machine::{MACHINE_VERSION_KNOWN, Model, ModelLimits};
pub use shows::{General, Places, Row, Seat, Show, Zone};
