//! What a start asks of the wall clock before it appends anything.

use super::for_people;

/// A wall clock before this (2020-01-01T00:00:00Z) was never set: no log is older.
const WALL_MIN_MS: u64 = 1_577_836_800_000;
/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// The wall clock cannot be right, so nothing is appended by it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClockRefused {
    /// It was never set.
    #[error(
        "the clock of this machine stands before 2020 ({wall_ms} ms after 1970): it was never set. \
         Set it (NTP, or `date -s`) and start again; nothing was written"
    )]
    NeverSet {
        /// The wall clock, in milliseconds since 1970; 0 before it.
        wall_ms: u64,
    },
    /// It is implausibly far ahead of the log.
    #[error(
        "the clock of this machine is {} ahead of everything in the log: all holds and sales up to \
         then would end for good. If it is wrong, set it (NTP) and start again. If it is right, \
         start once with log.silence_max_days = 0 (ONSALE_LOG__SILENCE_MAX_DAYS=0)",
        for_people(*ahead_ms)
    )]
    FarAhead {
        /// By so much, in milliseconds.
        ahead_ms: u64,
    },
}

/// Looks at the wall clock alone.
///
/// # Errors
/// [`ClockRefused::NeverSet`].
pub fn check_wall(wall_ms: u64) -> Result<(), ClockRefused> {
    if wall_ms < WALL_MIN_MS {
        return Err(ClockRefused::NeverSet { wall_ms });
    }
    Ok(())
}

/// Looks at the wall clock beside the log. `log_end_ms` is the time of its last record and
/// `written_ms` the last change of its files, by the clock of that day; both are 0 where there is
/// nothing. With `silence_max_days` 0 a log may have been silent for ever.
///
/// # Errors
/// [`ClockRefused`].
pub(crate) fn check_start(
    wall_ms: u64,
    log_end_ms: u64,
    written_ms: u64,
    silence_max_days: u64,
) -> Result<(), ClockRefused> {
    check_wall(wall_ms)?;
    if log_end_ms == 0 || silence_max_days == 0 {
        return Ok(());
    }
    // A log may be quiet for long and its files touched all the same.
    let ahead_ms = wall_ms.saturating_sub(log_end_ms.max(written_ms));
    if ahead_ms > silence_max_days.saturating_mul(DAY_MS) {
        return Err(ClockRefused::FarAhead { ahead_ms });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000_000;

    #[test]
    fn a_clock_that_cannot_be_right_is_refused() {
        let never = |wall_ms| Err(ClockRefused::NeverSet { wall_ms });
        let far = |days| {
            let ahead_ms = days * DAY_MS;
            Err(ClockRefused::FarAhead { ahead_ms })
        };
        for (wall_ms, log_end_ms, written_ms, days, expected) in [
            (T, 0, 0, 180, Ok(())),
            (0, 0, 0, 180, never(0)),
            (0, T, T, 0, never(0)),
            (1_000_000_000_000, 0, 0, 180, never(1_000_000_000_000)),
            (T, T - 180 * DAY_MS, 0, 180, Ok(())),
            (T, T - 365 * DAY_MS, T - 365 * DAY_MS, 180, far(365)),
            // Its files are newer than its last record: it ran without sales.
            (T, T - 365 * DAY_MS, T - DAY_MS, 180, Ok(())),
            (T, T - 365 * DAY_MS, T - 365 * DAY_MS, 0, Ok(())),
            // Continuing from it reports that the log is ahead.
            (T, T + 365 * DAY_MS, T, 180, Ok(())),
        ] {
            let found = check_start(wall_ms, log_end_ms, written_ms, days);
            assert_eq!(
                found, expected,
                "{wall_ms} {log_end_ms} {written_ms} {days}"
            );
        }
    }
}
