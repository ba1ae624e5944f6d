//! The seat machine: a pure function of the log of one partition.
//!
//! [`Partition::apply`] takes the next record and tells an [`OutcomeSink`] what became of it.
//! No clock, no randomness, no I/O, no locks: two partitions that applied the same records hold
//! the same state, emit the same outcomes and agree on [`Partition::digest`].
//!
//! Cloning a [`Partition`] is the snapshot freeze: all tables are paged and copied on write, so
//! the clone takes microseconds and can be encoded on another thread while the sale goes on.

mod apply;
mod asked;
mod audit;
mod batch;
mod best_available;
mod bookings;
mod digest;
mod documents;
mod ended;
mod expiry;
mod hash;
mod heap;
mod housekeeping;
mod idempotency;
mod image;
mod index;
mod layout;
mod limits;
mod offsets;
mod pages;
mod partition;
mod queue;
mod references;
mod seats;
mod shows;
mod sink;
mod state;
mod unpaid;
mod user_counters;
mod views;

#[cfg(test)]
mod testing;

pub use audit::AuditError;
pub use batch::Batch;
pub use image::ImageError;
pub use limits::{Limits, MACHINE_VERSION_KNOWN, MACHINE_VERSION_SECOND};
pub use partition::Partition;
pub use sink::{NullSink, OutcomeSink};
pub use views::{BookingState, BookingView, EventView, ShowView, Stats, ZoneView};
