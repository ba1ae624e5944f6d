//! The naive machine, one file per group of commands.

mod additions;
mod best_available;
mod blocking;
mod bookings;
mod choice;
mod codes;
mod cooldown;
mod documents;
mod events;
mod idempotency;
mod invariants;
mod lifecycle;
mod lines;
mod machine;
mod offer;
mod order;
mod plans;
mod price;
mod references;
mod reserve;
mod reset_clock;
mod returns;
mod sale;
mod shows;
#[cfg(test)]
mod testing;
mod users;
#[cfg(test)]
mod vectors;

pub use bookings::{Booking, BookingState, UsedCode};
pub use events::Event;
pub use machine::{MACHINE_VERSION_KNOWN, Model, ModelLimits};
pub use shows::{General, Places, Row, Seat, Show, Zone};
