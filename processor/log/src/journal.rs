//! The embedded log: files of our own with group commit.
//!
//! All partitions share one sequence of segment files in one folder, so that one write and one sync
//! per batch serve all of them. A batch is written whole and synced before the next one begins, so
//! a crash leaves at most the last batch torn; opening cuts it, and takes everything else
//! that is not as it was written for damage and stops.
//!
//! - [`Journal::open`] gives the one [`JournalWriter`] and the [`Journal`], from which come any
//!   number of [`JournalReader`]s (one partition after the other) and [`JournalScan`]s (all
//!   partitions in log order, for start-up).
//! - Segments are created ahead by a thread, filled with zeros, because a sync into written blocks
//!   takes half the time of one into blocks that were only reserved.
//! - A sync that fails stops the writer for good: what is durable is then unknown, and asking again
//!   would get a wrong answer from the kernel. A full disk is different: nothing of the batch stays
//!   and the writer goes on once there is room.
//!
//! The bytes are described in the modules `segment` and `batch`, the rule for torn tails in
//! `recovery`.

mod batch;
mod bytes;
mod cursor;
mod error;
mod handle;
mod meta;
mod options;
mod prepare;
mod reader;
mod recovery;
mod repair;
mod retention;
mod scan;
mod segment;
mod shared;
#[cfg(test)]
mod tests;
mod window;
mod writer;

pub use handle::{Journal, JournalStats};
pub use options::{JournalOptions, PrepareSegments};
pub use reader::JournalReader;
pub use recovery::TornTail;
pub use scan::JournalScan;
pub use writer::JournalWriter;
