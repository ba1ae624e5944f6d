//! A circuit breaker: a gateway that fails again and again is left alone for a while, then tried by one call.
//!
//! Pure: the time is passed in.

/// When a circuit opens and closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many calls in a row have to fail.
    pub failures_max: u32,
    /// How long it is open at first, in milliseconds. Each probe that fails doubles it.
    pub open_min_ms: u64,
    /// How long it is open at most, in milliseconds.
    pub open_max_ms: u64,
    /// How long a probe may take before another is sent, in milliseconds: its caller may have been dropped.
    pub probe_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failures_max: 5,
            open_min_ms: 1_000,
            open_max_ms: 60_000,
            probe_ms: 35_000,
        }
    }
}

/// What a call showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// The gateway works: it answered, be it with a refusal.
    Works,
    /// It did not answer, or with a failure of its own.
    Fails,
    /// It wants to be left alone for so many milliseconds.
    Busy {
        /// How long.
        for_ms: u64,
    },
}

/// Whether a call may be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Yes.
    Go,
    /// Yes, as the one that finds out whether the gateway works again.
    Probe,
    /// No, for so many milliseconds.
    Wait {
        /// How long.
        for_ms: u64,
    },
}

/// Where a circuit stands, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    /// Calls are made.
    Closed,
    /// None are made.
    Open,
    /// One is made.
    HalfOpen,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until_ms: u64, opened_for_ms: u64 },
    Probing { since_ms: u64, opened_for_ms: u64 },
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Circuit {
    limits: Limits,
    state: State,
    /// Until when the gateway wants to be left alone, in milliseconds.
    busy_until_ms: u64,
}

impl Circuit {
    /// A closed one.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Closed { failures: 0 },
            busy_until_ms: 0,
        }
    }

    /// Whether a call may be made now. Who gets [`Admission::Go`] or [`Admission::Probe`] tells
    /// [`Circuit::record`] what came of it.
    pub fn admit(&mut self, now_ms: u64) -> Admission {
        if now_ms < self.busy_until_ms {
            return Admission::Wait {
                for_ms: self.busy_until_ms - now_ms,
            };
        }
        match self.state {
            State::Closed { .. } => Admission::Go,
            State::Open {
                until_ms,
                opened_for_ms,
            } if now_ms >= until_ms => {
                self.state = State::Probing {
                    since_ms: now_ms,
                    opened_for_ms,
                };
                Admission::Probe
            }
            State::Open { until_ms, .. } => Admission::Wait {
                for_ms: until_ms - now_ms,
            },
            State::Probing {
                since_ms,
                opened_for_ms,
            } => {
                let until_ms = since_ms.saturating_add(self.limits.probe_ms);
                if now_ms >= until_ms {
                    self.state = State::Probing {
                        since_ms: now_ms,
                        opened_for_ms,
                    };
                    Admission::Probe
                } else {
                    Admission::Wait {
                        for_ms: until_ms - now_ms,
                    }
                }
            }
        }
    }

    /// What a call that was admitted has shown.
    pub fn record(&mut self, shown: Shown, now_ms: u64) {
        match shown {
            Shown::Works => self.state = State::Closed { failures: 0 },
            Shown::Busy { for_ms } => {
                let for_ms = for_ms.min(self.limits.open_max_ms);
                self.busy_until_ms = self.busy_until_ms.max(now_ms.saturating_add(for_ms));
                // It answered, so it is there.
                self.state = State::Closed { failures: 0 };
            }
            Shown::Fails => self.failed(now_ms),
        }
    }

    fn failed(&mut self, now_ms: u64) {
        let opened_for_ms = match self.state {
            State::Closed { failures } if failures.saturating_add(1) < self.limits.failures_max => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                return;
            }
            State::Closed { .. } => self.limits.open_min_ms,
            // A call that began before it opened says nothing new.
            State::Open { .. } => return,
            State::Probing { opened_for_ms, .. } => {
                opened_for_ms.saturating_mul(2).min(self.limits.open_max_ms)
            }
        };
        self.state = State::Open {
            until_ms: now_ms.saturating_add(opened_for_ms),
            opened_for_ms,
        };
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        match self.state {
            State::Closed { .. } => Position::Closed,
            State::Open { .. } => Position::Open,
            State::Probing { .. } => Position::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        failures_max: 3,
        open_min_ms: 100,
        open_max_ms: 300,
        probe_ms: 1_000,
    };

    fn opened() -> Circuit {
        let mut circuit = Circuit::new(LIMITS);
        for _ in 0..3 {
            assert_eq!(circuit.admit(0), Admission::Go);
            circuit.record(Shown::Fails, 0);
        }
        assert_eq!(circuit.position(), Position::Open);
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_alone() {
        let mut circuit = Circuit::new(LIMITS);
        for shown in [Shown::Fails, Shown::Fails, Shown::Works, Shown::Fails] {
            assert_eq!(circuit.admit(0), Admission::Go);
            circuit.record(shown, 0);
        }
        circuit.record(Shown::Fails, 0);
        assert_eq!(circuit.position(), Position::Closed);
        circuit.record(Shown::Fails, 0);
        assert_eq!(circuit.admit(40), Admission::Wait { for_ms: 60 });
    }

    #[test]
    fn one_probe_closes_it_or_opens_it_for_longer() {
        let mut circuit = opened();
        for (at_ms, open_ms) in [(100, 200), (300, 300), (600, 300)] {
            assert_eq!(circuit.admit(at_ms), Admission::Probe);
            assert!(matches!(circuit.admit(at_ms), Admission::Wait { .. }));
            circuit.record(Shown::Fails, at_ms);
            // One that began long ago changes nothing.
            circuit.record(Shown::Fails, at_ms + 50);
            assert_eq!(circuit.admit(at_ms), Admission::Wait { for_ms: open_ms });
        }
        assert_eq!(circuit.admit(900), Admission::Probe);
        circuit.record(Shown::Works, 900);
        assert_eq!(circuit.admit(900), Admission::Go);
        assert_eq!(circuit.position(), Position::Closed);
    }

    #[test]
    fn a_probe_that_was_dropped_is_followed_by_another() {
        let mut circuit = opened();
        assert_eq!(circuit.admit(100), Admission::Probe);
        assert_eq!(circuit.admit(1_099), Admission::Wait { for_ms: 1 });
        assert_eq!(circuit.admit(1_100), Admission::Probe);
        assert_eq!(circuit.position(), Position::HalfOpen);
    }

    #[test]
    fn a_gateway_that_wants_to_be_left_alone_is_for_a_bounded_time() {
        let mut circuit = Circuit::new(LIMITS);
        circuit.record(Shown::Busy { for_ms: 50 }, 0);
        circuit.record(Shown::Busy { for_ms: 10 }, 0);
        assert_eq!(circuit.admit(20), Admission::Wait { for_ms: 30 });
        assert_eq!(circuit.admit(50), Admission::Go);
        circuit.record(Shown::Busy { for_ms: u64::MAX }, 50);
        assert_eq!(circuit.admit(51), Admission::Wait { for_ms: 299 });
    }
}
