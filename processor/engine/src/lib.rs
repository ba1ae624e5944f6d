//! The seat machine: a pure function of the log of one partition.
//!
//! [`Partition::apply`] takes the next record and hands its outcome to an [`OutcomeSink`]. No
//! clock, no randomness, no I/O, no locks: two partitions that applied the same records hold the
//! same state, emit the same outcomes and agree on [`Partition::digest`].
//!
//! Seats are bits in 64-bit words, row by row; a zone without named seats is a counter. Bookings,
//! counters, remembered answers and the expiry queue live in paged copy-on-write storage whose
//! indexes grow a little at a time, so that no single command ever pays for a growing table. Holds
//! that are due expire before a record is looked at, in order of (end of hold, offset), at most
//! 1,024 per record.
//!
//! What is for sale (machine version 3) lies behind one pointer of a show, and how a booking was
//! priced beside its record: shows without an offer and bookings of one line at the zone's price cost
//! what they always did. Prices are decided by `onsale-prices`, a pure function of their own.
//!
//! Cloning a [`Partition`] is the snapshot freeze: the clone takes microseconds, because pages are
//! shared until they are written, and it can be encoded on another thread while the sale goes on.

mod apply;
mod asked;
mod batch;
mod best_available;
mod best_of_hall;
mod bookings;
mod codes;
mod cooldown;
mod digest;
mod documents;
mod ended;
mod expiry;
mod hall;
mod hash;
mod heap;
mod housekeeping;
mod idempotency;
mod image;
mod index;
mod layout;
mod limits;
mod offsets;
mod orders;
mod pages;
mod partition;
mod queue;
mod references;
mod sale;
mod seats;
mod self_check;
mod shows;
mod sink;
mod state;
mod user_counters;
mod views;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod testing;

pub use batch::Batch;
pub use image::ImageError;
pub use limits::{Limits, MACHINE_VERSION_KNOWN, MACHINE_VERSION_SECOND, MACHINE_VERSION_THIRD};
pub use partition::Partition;
pub use self_check::SelfCheckError;
pub use sink::{NullSink, OutcomeSink};
pub use views::{
    BookingState, BookingView, CodeGroupView, CodeView, CreatedCode, EventView, OrderView,
    ShowView, Stats, ZoneView, payment_hash,
};
