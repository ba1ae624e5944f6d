//! The only place where the processor reads clocks.
//!
//! [`MachineClock`], sans-IO like the replica, says what records of the embedded log are stamped
//! with: the monotonic clock from an anchor, corrected slowly towards the wall clock while the two
//! are close. [`BrokerClock`] compares a broker's stamps with it; the machine takes those stamps
//! all the same, because every replica has to. Only the record `ResetClock` takes machine time
//! back, and the journal's stamps with it (`LogWriter::set_back`).

mod broker;
mod machine;
mod start;
mod watch;

use std::time::Duration;

pub use broker::BrokerClock;
pub use machine::{LEAP_MAX_MS, MachineClock, Reading, Turn};
pub(crate) use start::check_start;
pub use start::{ClockRefused, check_wall};
pub use watch::{ClockBefore, ClockState, ClockWatch};

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock; 0 before it.
pub fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// Milliseconds of a clock that nobody can set, from some moment in the past. If the system has
/// such a clock, it keeps running while the machine sleeps, so that a machine that wakes up sees no
/// leap.
pub(crate) fn monotonic_ms() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let since = {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Duration::new(seconds, nanoseconds)
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let since: Duration = {
        static STARTED: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        STARTED.get_or_init(std::time::Instant::now).elapsed()
    };
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A span of time for people: its two largest units.
pub(crate) fn for_people(ms: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
        (1, "ms"),
    ];
    // Rounded to the smaller one: a millisecond less than a year is a year.
    let larger = UNITS.iter().position(|(unit, _)| ms >= *unit);
    let smaller = larger.and_then(|index| UNITS.get(index + 1));
    let mut rest = smaller.map_or(ms, |(unit, _)| ms.saturating_add(unit / 2) / unit * unit);
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 || !parts.is_empty() {
            parts.push((count, name));
        }
        if parts.len() == 2 {
            break;
        }
    }
    let shown = parts.iter().filter(|(count, _)| *count > 0);
    let text: Vec<String> = shown
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if text.is_empty() {
        "0 ms".to_owned()
    } else {
        text.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_for_people() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h"),
            (31_535_999_999, "365 d"),
            (31_536_000_000, "365 d"),
            (3_599_999, "1 h"),
            (31_539_600_001, "365 d 1 h"),
        ] {
            assert_eq!(for_people(ms), text);
        }
    }

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let before = monotonic_ms();
        assert!(monotonic_ms() >= before);
    }
}
