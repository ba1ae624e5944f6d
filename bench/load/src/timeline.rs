//! Counts and latencies by the time of the intended start.

use hdrhistogram::Histogram;

use crate::tally::{Class, milliseconds};

/// Number of intervals; what starts later counts in the last one.
const INTERVALS_MAX: usize = 4_096;
/// Longest latency recorded here, in microseconds (2 minutes).
const LATENCY_MAX_US: u64 = 120_000_000;
/// Significant digits of latencies here: there are many histograms.
const DIGITS: u8 = 2;

#[derive(Debug)]
struct Interval {
    latencies: Histogram<u32>,
    granted: u64,
    refused: u64,
    failed: u64,
}

/// Intervals of equal length since the start of the run.
#[derive(Debug)]
pub(crate) struct Timeline {
    interval_ns: u64,
    intervals: Vec<Interval>,
}

/// One interval, for reports.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Point {
    /// Its beginning, in seconds since the start of the run.
    pub(crate) second: f64,
    /// Intended starts in it, per second.
    pub(crate) per_second: f64,
    /// Granted ones, per second.
    pub(crate) granted_per_second: f64,
    /// Turned away or failed ones, per second.
    pub(crate) failed_per_second: f64,
    /// Median latency, in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub(crate) p99_ms: f64,
    /// The slowest, in milliseconds.
    pub(crate) max_ms: f64,
}

impl Timeline {
    pub(crate) fn new(interval_ns: u64) -> Self {
        Self {
            interval_ns: interval_ns.max(1),
            intervals: Vec::new(),
        }
    }

    pub(crate) fn answered(&mut self, intended_ns: u64, latency_us: u64, class: Class) {
        let at = usize::try_from(intended_ns / self.interval_ns)
            .unwrap_or(usize::MAX)
            .min(INTERVALS_MAX - 1);
        let interval = self.interval(at);
        interval.latencies.saturating_record(latency_us);
        match class {
            Class::Granted => interval.granted += 1,
            Class::Refused => interval.refused += 1,
            Class::Pending | Class::Shed | Class::Failed => interval.failed += 1,
        }
    }

    fn interval(&mut self, at: usize) -> &mut Interval {
        while self.intervals.len() <= at {
            self.intervals.push(Interval::empty());
        }
        &mut self.intervals[at]
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (at, theirs) in other.intervals.into_iter().enumerate() {
            let ours = self.interval(at);
            let added = ours.latencies.add(&theirs.latencies);
            debug_assert!(added.is_ok(), "all have the same bounds");
            ours.granted += theirs.granted;
            ours.refused += theirs.refused;
            ours.failed += theirs.failed;
        }
    }

    /// Length of an interval, in nanoseconds.
    pub(crate) fn interval_ns(&self) -> u64 {
        self.interval_ns
    }

    pub(crate) fn points(&self) -> Vec<Point> {
        let seconds = self.interval_ns as f64 / 1e9;
        self.intervals
            .iter()
            .enumerate()
            .map(|(at, interval)| Point {
                second: at as f64 * seconds,
                per_second: (interval.granted + interval.refused + interval.failed) as f64
                    / seconds,
                granted_per_second: interval.granted as f64 / seconds,
                failed_per_second: interval.failed as f64 / seconds,
                p50_ms: milliseconds(interval.latencies.value_at_percentile(50.0)),
                p99_ms: milliseconds(interval.latencies.value_at_percentile(99.0)),
                max_ms: milliseconds(interval.latencies.max()),
            })
            .collect()
    }
}

impl Interval {
    #[expect(
        clippy::expect_used,
        reason = "the bounds are constants; a test makes one"
    )]
    fn empty() -> Self {
        Self {
            latencies: Histogram::new_with_max(LATENCY_MAX_US, DIGITS).expect("bounds are valid"),
            granted: 0,
            refused: 0,
            failed: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_count_where_they_were_meant_to_start() {
        let mut timeline = Timeline::new(500_000_000);
        timeline.answered(100, 10_000, Class::Granted);
        timeline.answered(1_700_000_000, 20_000, Class::Failed);
        timeline.answered(u64::MAX, 1, Class::Granted);
        let points = timeline.points();
        assert_eq!(points.len(), INTERVALS_MAX, "bounded");
        assert!((points[0].granted_per_second - 2.0).abs() < 1e-9);
        assert!((points[3].failed_per_second - 2.0).abs() < 1e-9);
        assert!((points[3].second - 1.5).abs() < 1e-9);
        assert!((points[3].p99_ms - 20.0).abs() < 0.2);
        assert!(points[1].per_second.abs() < 1e-9);
    }
}
