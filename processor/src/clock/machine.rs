//! Machine time of an owner: what its records are stamped with.

/// How far the wall clock may be from machine time before it is no longer followed, in
/// milliseconds. A step of NTP is smaller; what is larger was a wrong clock before or is one now.
pub const LEAP_MAX_MS: u64 = 5_000;
/// How fast machine time is brought to the wall clock, in parts per million of the time that has
/// passed: 5 ms a second, so a hold of 15 minutes is at most 4.5 s longer or shorter.
const SLEW_MAX_PPM: u64 = 5_000;
/// Parts per million.
const PPM: u64 = 1_000_000;

/// The wall clock's standing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It is no longer followed: it went away from machine time by more than [`LEAP_MAX_MS`].
    Left,
    /// It is followed again.
    Returned,
}

/// What the clock says at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Machine time, in milliseconds since 1970. Never less than the reading before.
    pub now_ms: u64,
    /// How far the wall clock is ahead of it, in milliseconds; negative where it is behind.
    pub wall_ahead_ms: i64,
    /// Whether the wall clock is followed.
    pub is_followed: bool,
    /// Set at the first reading after a change of `is_followed`.
    pub turn: Option<Turn>,
}

/// Machine time follows the monotonic clock, from where it was anchored. Small differences from the
/// wall clock are corrected slowly; a wall clock that is further away is not followed until it
/// comes back by itself or an operator says that it is right ([`MachineClock::reset`]): no record
/// can say which of two clocks was wrong, but a leap would end holds and sales for good.
///
/// It reads no clock itself.
#[derive(Clone, Debug)]
pub struct MachineClock {
    now_ms: u64,
    monotonic_ms: u64,
    /// Correction that has been earned by time that passed and is not used yet, in millionths of a
    /// millisecond.
    slew: u64,
    is_followed: bool,
}

impl MachineClock {
    /// A clock that begins with the wall clock, but never before `log_end_ms`, the time of the last
    /// record.
    pub fn new(wall_ms: u64, monotonic_ms: u64, log_end_ms: u64) -> Self {
        Self {
            now_ms: wall_ms.max(log_end_ms),
            monotonic_ms,
            slew: 0,
            is_followed: true,
        }
    }

    /// Machine time now that the clocks say this.
    pub fn now(&mut self, wall_ms: u64, monotonic_ms: u64) -> Reading {
        let passed_ms = monotonic_ms.saturating_sub(self.monotonic_ms);
        self.monotonic_ms = self.monotonic_ms.max(monotonic_ms);
        let uncorrected_ms = self.now_ms.saturating_add(passed_ms);
        let apart_ms = wall_ms.abs_diff(uncorrected_ms);
        let was_followed = std::mem::replace(&mut self.is_followed, apart_ms <= LEAP_MAX_MS);
        self.now_ms = if self.is_followed {
            let correction_ms = self.earn(passed_ms, apart_ms);
            if wall_ms > uncorrected_ms {
                uncorrected_ms.saturating_add(correction_ms)
            } else {
                uncorrected_ms.saturating_sub(correction_ms)
            }
        } else {
            self.slew = 0;
            uncorrected_ms
        };
        Reading {
            now_ms: self.now_ms,
            wall_ahead_ms: signed(wall_ms, self.now_ms),
            is_followed: self.is_followed,
            turn: match (was_followed, self.is_followed) {
                (true, false) => Some(Turn::Left),
                (false, true) => Some(Turn::Returned),
                _ => None,
            },
        }
    }

    /// Takes the wall clock as right, wherever that is. Machine time may go back by it, so it goes
    /// with a record that says so.
    pub fn reset(&mut self, wall_ms: u64, monotonic_ms: u64) {
        *self = Self::new(wall_ms, monotonic_ms, 0);
    }

    /// Whole milliseconds by which machine time may be corrected now; always less than passed.
    fn earn(&mut self, passed_ms: u64, apart_ms: u64) -> u64 {
        if apart_ms == 0 {
            self.slew = 0;
            return 0;
        }
        self.slew = self
            .slew
            .saturating_add(passed_ms.saturating_mul(SLEW_MAX_PPM));
        let correction_ms = (self.slew / PPM).min(apart_ms).min(passed_ms);
        // What could not be used now is not saved up for a leap later.
        self.slew = (self.slew - correction_ms * PPM).min(PPM - 1);
        correction_ms
    }
}

fn signed(wall_ms: u64, now_ms: u64) -> i64 {
    let apart = i64::try_from(wall_ms.abs_diff(now_ms)).unwrap_or(i64::MAX);
    if wall_ms >= now_ms { apart } else { -apart }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000_000;
    const SECOND: u64 = 1_000;
    const HOUR: u64 = 3_600_000;
    const YEAR: i64 = 365 * 24 * 3_600_000;

    /// One way the wall clock may go.
    struct Case {
        name: &'static str,
        /// From when on (in milliseconds since the start) the wall clock is off by how much.
        offsets: &'static [(u64, i64)],
        /// Monotonic times at which the clock is read, with how far machine time is then ahead of
        /// what passed since the start, and whether the wall clock is followed.
        readings: &'static [(u64, i64, bool)],
    }

    const CASES: &[Case] = &[
        Case {
            name: "a clock that is right",
            offsets: &[(0, 0)],
            readings: &[(1, 0, true), (SECOND, 0, true), (48 * HOUR, 0, true)],
        },
        Case {
            name: "a year ahead for two seconds and back",
            offsets: &[(0, 0), (10_000, YEAR), (12_000, 0)],
            readings: &[
                (9_999, 0, true),
                (10_000, 0, false),
                (11_999, 0, false),
                (12_000, 0, true),
                (HOUR, 0, true),
            ],
        },
        Case {
            name: "an hour back for good",
            offsets: &[(0, 0), (10_000, -3_600_000)],
            readings: &[
                (9_000, 0, true),
                (10_000, 0, false),
                (30_000, 0, false),
                (HOUR, 0, false),
                (24 * HOUR, 0, false),
            ],
        },
        Case {
            name: "set before 1970",
            offsets: &[(0, 0), (10_000, i64::MIN)],
            readings: &[(10_000, 0, false), (20_000, 0, false)],
        },
        Case {
            name: "NTP steps half a second ahead: made up for in 100 s",
            offsets: &[(0, 0), (10_000, 500)],
            readings: &[
                (10_000, 50, true),
                (60_000, 300, true),
                (100_000, 500, true),
                (HOUR, 500, true),
            ],
        },
        Case {
            name: "NTP steps half a second back",
            offsets: &[(0, 0), (10_000, -500)],
            readings: &[
                (10_000, -50, true),
                (60_000, -300, true),
                (200_000, -500, true),
            ],
        },
        Case {
            name: "asleep for eight hours: both clocks keep running",
            offsets: &[(0, 0)],
            readings: &[(SECOND, 0, true), (8 * HOUR, 0, true)],
        },
        Case {
            name: "at the bound, and just beyond it",
            offsets: &[(0, 0), (10_000, 5_000), (20_000, 5_050), (20_001, 5_101)],
            readings: &[
                (10_000, 50, true),
                (20_000, 100, true),
                (20_001, 100, false),
            ],
        },
    ];

    fn wall(offsets: &[(u64, i64)], passed_ms: u64) -> u64 {
        let offset = offsets.iter().rev().find(|(from, _)| *from <= passed_ms);
        let offset = offset.map_or(0, |(_, offset)| *offset);
        (T + passed_ms).saturating_add_signed(offset)
    }

    #[test]
    fn machine_time_goes_on_with_the_monotonic_clock() {
        for case in CASES {
            let mut clock = MachineClock::new(wall(case.offsets, 0), 77, 0);
            for (passed_ms, ahead_ms, is_followed) in case.readings {
                let reading = clock.now(wall(case.offsets, *passed_ms), 77 + passed_ms);
                let expected = (T + passed_ms).saturating_add_signed(*ahead_ms);
                let name = case.name;
                assert_eq!(reading.now_ms, expected, "{name} after {passed_ms} ms");
                assert_eq!(
                    reading.is_followed, *is_followed,
                    "{name} at {passed_ms} ms"
                );
            }
        }
    }

    #[test]
    fn a_slow_drift_is_followed_however_often_the_clock_is_read() {
        // 0.1 % fast: 3.6 s an hour, more than the bound within two.
        for step_ms in [1, 7, 500] {
            let mut clock = MachineClock::new(T, 0, 0);
            let mut last = T;
            for passed_ms in (0..2 * HOUR).step_by(step_ms) {
                let reading = clock.now(T + passed_ms + passed_ms / 1_000, passed_ms);
                assert!(reading.is_followed, "{reading:?}");
                assert!(reading.wall_ahead_ms.abs() <= 2, "{reading:?}");
                assert!(reading.now_ms >= last);
                last = reading.now_ms;
            }
        }
    }

    #[test]
    fn a_turn_is_reported_once() {
        let mut clock = MachineClock::new(T, 0, 0);
        let mut turns = Vec::new();
        for (at, wall) in [
            (1, T + 1),
            (2, T + HOUR),
            (3, T + HOUR),
            (4, T + 4),
            (5, T + 5),
        ] {
            turns.extend(clock.now(wall, at).turn.map(|turn| (at, turn)));
        }
        assert_eq!(turns, [(2, Turn::Left), (4, Turn::Returned)]);
    }

    #[test]
    fn it_never_begins_before_the_log_and_says_so() {
        let mut clock = MachineClock::new(T, 0, T + HOUR);
        let reading = clock.now(T + 1, 1);
        assert_eq!(reading.now_ms, T + HOUR + 1);
        assert!(!reading.is_followed);
        assert_eq!(reading.wall_ahead_ms, -3_600_000);
        // A second is no news.
        let mut clock = MachineClock::new(T, 0, T + SECOND);
        assert!(clock.now(T + 1, 1).is_followed);
    }

    #[test]
    fn an_operator_takes_the_wall_clock_as_right_in_either_direction() {
        for wall in [T - HOUR, T + HOUR] {
            let mut clock = MachineClock::new(T, 0, 0);
            assert!(!clock.now(wall, 1).is_followed);
            clock.reset(wall, 2);
            let reading = clock.now(wall + 10, 12);
            assert_eq!((reading.now_ms, reading.is_followed), (wall + 10, true));
        }
    }

    #[test]
    fn a_monotonic_clock_that_errs_does_not_take_machine_time_back() {
        let mut clock = MachineClock::new(T, 1_000, 0);
        let before = clock.now(T + 10, 1_010).now_ms;
        assert!(clock.now(T + 10, 900).now_ms >= before);
        assert_eq!(clock.now(T + 20, 1_020).now_ms, T + 20);
    }
}
