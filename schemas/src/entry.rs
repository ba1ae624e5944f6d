//! A record as it is read from a log.

use crate::ids::{LogTimeMs, Offset, PartitionId};

/// One record of one partition, borrowed from the reader's buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its offset.
    pub offset: Offset,
    /// The time the log stamped on it.
    pub log_time_ms: LogTimeMs,
    /// The encoded [`crate::Envelope`].
    pub payload: &'a [u8],
}

/// A place in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Position {
    /// The partition.
    pub partition: PartitionId,
    /// The offset in it.
    pub offset: Offset,
}
