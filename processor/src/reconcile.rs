//! Compares the engine's state with the database, and with Redis where there is one, then repairs
//! them from that report. The engine, being the log applied, is right by definition.
//!
//! In the embedded mode the follower is frozen at a position that the projection has reached. Over
//! Kafka nothing stops: the database is read as of one moment, and copies of the machines are
//! brought to it from the log. Every live booking, holder of a seat and block is compared, the newest
//! of those that ended, each show's zones, status, times, prices, offer and codes, and each event's limit. What the
//! machines do not keep is not compared here but by `onsale verify`, which reads the whole log.
//!
//! Two steps on purpose: a report that a person can read, then the repair of exactly what it names.
//! Each item is looked at again first, and all bookings are repaired at once, because seats may
//! have changed hands. Their rows are made from the log, which is read again for them, and from the
//! machine where the log no longer goes back to its beginning. Where the projection had stopped, the
//! repair also writes what has ended meanwhile, and records how far the database is.

mod compare;
mod counts;
mod log_rows;
mod repair;
mod report;

pub use compare::compare;
pub(crate) use compare::compare_watermarks;
pub use log_rows::{Asked, LogRows, OpenAgain, ReadAgainError, compare_rows};
pub use repair::{Applied, ApplyError, apply, check};
pub use report::{Checked, Difference, Finding, PartitionPosition, Report};

use onsale_counts::Counts;
use onsale_engine::Partition;
use onsale_store::Store;

/// The side that is right.
#[derive(Clone, Copy)]
pub struct Engine<'a> {
    /// Machines that stand still.
    pub machines: &'a [Partition],
    /// Id of the log that they come from.
    pub log_id: [u8; 16],
    /// Opens that log, for what the machines do not keep.
    pub log: Option<&'a OpenAgain>,
}

/// What is compared with the engine and repaired.
#[derive(Clone, Copy, Debug)]
pub struct Projections<'a> {
    /// The database.
    pub store: &'a Store,
    /// Redis, where there is one.
    pub counts: Option<&'a Counts>,
    /// Who else writes the projection during a repair.
    pub projector: Projector,
}

/// Who else writes the projection during a repair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Projector {
    /// Nobody: the projector is in this process and waits, or there is none.
    StandsStill,
    /// Nobody while another connection holds the watermarks; it may be lost, so each step looks whether
    /// they still are where they were.
    IsHeld,
    /// Nobody has for a while; one that comes back meanwhile waits behind each step, and the next step ends
    /// the repair.
    MayCome,
}

impl<'a> From<&'a Store> for Projections<'a> {
    /// The database alone.
    fn from(store: &'a Store) -> Self {
        Self {
            store,
            counts: None,
            projector: Projector::StandsStill,
        }
    }
}
