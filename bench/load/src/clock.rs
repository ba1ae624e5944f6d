//! Time of a run: nanoseconds since its start, and the same as Unix time for the history.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds in a millisecond.
pub(crate) const NS_PER_MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub(crate) const NS_PER_S: u64 = 1_000_000_000;

/// The clock of one run; copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    start: Instant,
    unix_start_ns: u64,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            unix_start_ns: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
                }),
        }
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Unix time in milliseconds, rounded down: for the beginning of something, so that a recorded
    /// interval is never shorter than the real one.
    pub(crate) fn unix_ms_floor(&self, ns: u64) -> u64 {
        self.unix_start_ns.saturating_add(ns) / NS_PER_MS
    }

    /// Unix time in milliseconds, rounded up: for the end of something.
    pub(crate) fn unix_ms_ceil(&self, ns: u64) -> u64 {
        self.unix_start_ns.saturating_add(ns).div_ceil(NS_PER_MS)
    }
}
