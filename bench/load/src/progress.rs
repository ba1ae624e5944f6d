//! Reports the progress of a run, and ends it early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Ends a run early; copies share the switch.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run: nothing more is sent, requests in flight get a short time to finish, and the
    /// report is written as usual.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Seconds since its start.
    pub seconds: f64,
    /// Requests sent.
    pub sent: u64,
    /// Granted.
    pub granted: u64,
    /// Refused by the rules.
    pub refused: u64,
    /// Turned away, failed or without an answer.
    pub failed: u64,
    /// 99th percentile of the last second, the worst thread's, in milliseconds.
    pub p99_ms: f64,
}

/// What threads publish now and then.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) sent: AtomicU64,
    pub(crate) granted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) p99_us: AtomicU64,
}

impl Published {
    pub(crate) fn read(&self, seconds: f64) -> Progress {
        Progress {
            seconds,
            sent: self.sent.load(Ordering::Relaxed),
            granted: self.granted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            p99_ms: crate::tally::milliseconds(self.p99_us.load(Ordering::Relaxed)),
        }
    }
}
