//! Stops asking Redis while it is slow or gone.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Slow or failed calls in a row after which Redis is not asked for a while.
const BAD_IN_ROW_MAX: u32 = 8;
/// How long it is not asked then, in milliseconds; doubles with each failed probe.
const OPEN_FIRST_MS: u64 = 100;
/// Longest such time, in milliseconds.
const OPEN_MAX_MS: u64 = 2_000;

/// A circuit breaker. It reads no clock; times are milliseconds of a monotonic one.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed {
        bad_in_row: u32,
    },
    Open {
        until_ms: u64,
        for_ms: u64,
    },
    /// One call is in flight as a probe.
    Probing {
        for_ms: u64,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { bad_in_row: 0 }
    }
}

/// A call that may be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Permit {
    /// One of many.
    Call,
    /// The probe that finds out whether Redis is back.
    Probe,
}

impl Breaker {
    /// Whether to ask now.
    pub(super) fn permit(&self, now_ms: u64) -> Option<Permit> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Some(Permit::Call),
            State::Open { until_ms, for_ms } if now_ms >= until_ms => {
                *state = State::Probing { for_ms };
                Some(Permit::Probe)
            }
            State::Open { .. } | State::Probing { .. } => None,
        }
    }

    /// The result of a call. A probe always has to report one.
    pub(super) fn done(&self, permit: Permit, good: bool, now_ms: u64) {
        let mut state = self.state();
        match (permit, good, &mut *state) {
            (Permit::Probe, true, state) => *state = State::default(),
            (Permit::Probe, false, state) => {
                let for_ms = match state {
                    State::Probing { for_ms } => (*for_ms * 2).min(OPEN_MAX_MS),
                    State::Closed { .. } | State::Open { .. } => OPEN_FIRST_MS,
                };
                *state = State::Open {
                    until_ms: now_ms + for_ms,
                    for_ms,
                };
            }
            (Permit::Call, true, State::Closed { bad_in_row }) => *bad_in_row = 0,
            (Permit::Call, false, State::Closed { bad_in_row }) => {
                *bad_in_row += 1;
                if *bad_in_row >= BAD_IN_ROW_MAX {
                    *state = State::Open {
                        until_ms: now_ms + OPEN_FIRST_MS,
                        for_ms: OPEN_FIRST_MS,
                    };
                }
            }
            // Calls that were in flight when it opened.
            (Permit::Call, _, State::Open { .. } | State::Probing { .. }) => {}
        }
    }

    /// True while not everybody asks.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened_at(now_ms: u64) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..BAD_IN_ROW_MAX {
            assert_eq!(breaker.permit(now_ms), Some(Permit::Call));
            breaker.done(Permit::Call, false, now_ms);
        }
        breaker
    }

    #[test]
    fn opens_after_so_many_bad_calls_in_a_row_only() {
        let breaker = Breaker::default();
        for round in 0..3 * BAD_IN_ROW_MAX {
            breaker.done(Permit::Call, (round + 1) % BAD_IN_ROW_MAX == 0, 0);
        }
        assert!(!breaker.is_open());
        let breaker = opened_at(0);
        assert!(breaker.is_open());
        assert_eq!(breaker.permit(OPEN_FIRST_MS - 1), None);
    }

    #[test]
    fn one_probe_decides() {
        let breaker = opened_at(0);
        assert_eq!(breaker.permit(OPEN_FIRST_MS), Some(Permit::Probe));
        assert_eq!(breaker.permit(OPEN_FIRST_MS), None, "one is enough");
        breaker.done(Permit::Call, true, OPEN_FIRST_MS);
        assert!(breaker.is_open(), "the end of an old call says nothing");
        breaker.done(Permit::Probe, true, OPEN_FIRST_MS);
        assert!(!breaker.is_open());
        assert_eq!(breaker.permit(OPEN_FIRST_MS), Some(Permit::Call));
    }

    #[test]
    fn failed_probes_come_ever_later_up_to_a_limit() {
        let breaker = opened_at(0);
        let mut now_ms = 0;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let from_ms = now_ms;
            while breaker.permit(now_ms).is_none() {
                now_ms += 1;
            }
            waits.push(now_ms - from_ms);
            breaker.done(Permit::Probe, false, now_ms);
        }
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
    }
}
