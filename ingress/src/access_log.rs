//! The log line about an answer. During a rush no one could read them all: answers are logged at
//! DEBUG, and only server failures at a level that is on by default, limited per second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::context::RequestContext;

/// Target of these lines.
const TARGET: &str = "onsale_ingress::access";
/// Failures logged per second; further ones appear only in the metrics, and at DEBUG.
const FAILURES_PER_SECOND_MAX: u64 = 20;
/// The low bits of the state count lines, those above hold the second.
const COUNT_BITS: u32 = 16;

/// Writes how requests ended.
pub(crate) struct AccessLog {
    began: Instant,
    /// The second since `began` and how many failures were logged in it.
    logged: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            logged: AtomicU64::new(0),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        context: &RequestContext,
        method: &Method,
        route: &str,
        status: StatusCode,
        elapsed: Duration,
    ) {
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    request_id = context.request_id(),
                    trace_id = context.trace_id().map(tracing::field::display),
                    method = method.as_str(),
                    route,
                    status = status.as_u16(),
                    duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
                    "answered"
                )
            };
        }
        if !status.is_server_error() || !self.may_log(self.began.elapsed().as_secs()) {
            log!(debug);
        } else if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_IMPLEMENTED
        ) {
            // Turned away in good order.
            log!(info);
        } else {
            log!(warn);
        }
    }

    /// Counts a failure of this second; false once there were enough.
    fn may_log(&self, second: u64) -> bool {
        let update = |logged: u64| {
            let (of, count) = (logged >> COUNT_BITS, logged & ((1 << COUNT_BITS) - 1));
            if of != second {
                Some(second << COUNT_BITS | 1)
            } else if count < FAILURES_PER_SECOND_MAX {
                Some(logged + 1)
            } else {
                None
            }
        };
        self.logged
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_number_of_failures_is_logged_per_second() {
        let log = AccessLog::new();
        let logged = |second| (0..1_000).filter(|_| log.may_log(second)).count() as u64;
        assert_eq!(logged(3), FAILURES_PER_SECOND_MAX);
        assert_eq!(logged(3), 0);
        assert_eq!(logged(4), FAILURES_PER_SECOND_MAX);
    }
}
