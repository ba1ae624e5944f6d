//! The results of a run, ready to be written.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::drive::Driven;
use crate::schedule::Pace;
use crate::settings::LoadSettings;
use crate::tally::{Class, Tally, milliseconds};
use crate::timeline::Point;

/// A recovered interval's 99th percentile is at most this multiple of that before the spike …
const RECOVERED_FACTOR: f64 = 2.0;
/// … or this much above it, in milliseconds, because a multiple of almost nothing is almost
/// nothing.
const RECOVERED_SLACK_MS: f64 = 5.0;
/// Percentiles of the curve.
const CURVE: [f64; 13] = [
    0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999, 100.0,
];

/// Latencies in milliseconds, from the intended start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// The mean.
    pub mean_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |percentile| milliseconds(histogram.value_at_percentile(percentile));
        Self {
            count: histogram.len(),
            mean_ms: histogram.mean() / 1_000.0,
            p50_ms: at(50.0),
            p90_ms: at(90.0),
            p99_ms: at(99.0),
            p999_ms: at(99.9),
            max_ms: milliseconds(histogram.max()),
        }
    }
}

/// Something that had to hold.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it did.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// How a spike went.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SpikeReport {
    /// 99th percentile before it: the median over its intervals.
    pub before_p99_ms: f64,
    /// The slowest interval's 99th percentile during it.
    pub during_p99_ms: f64,
    /// From its end until latency was back, and stayed, where it had been before; `None` when it
    /// never was.
    pub recovery_ms: Option<f64>,
}

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The server.
    pub target: String,
    /// Requested rate per second; 0 for a closed loop.
    pub rate: u64,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Connections.
    pub connections: usize,
    /// Users.
    pub users: usize,
    /// Requests with an intended start in the measured time.
    pub requests: u64,
    /// Answers per second.
    pub answered_per_second: f64,
    /// Granted requests per second.
    pub granted_per_second: f64,
    /// Requests by outcome: granted, refused, pending, shed, failed.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that were not a success, by code.
    pub codes: BTreeMap<String, u64>,
    /// Requests without an answer, by reason.
    pub unanswered: BTreeMap<&'static str, u64>,
    /// Answers 429 and 503 that did not say when to retry.
    pub shed_without_retry_after: u64,
    /// Answers that repeated an earlier one.
    pub replayed: u64,
    /// Reconnections.
    pub reconnects: u64,
    /// Share of requests that failed: no answer, or one that is neither a grant, a refusal nor a
    /// request to retry.
    pub error_rate: f64,
    /// Share of requests that were turned away for now (429, 503).
    pub shed_rate: f64,
    /// Latency of everything.
    pub latency: Latency,
    /// Latency by operation and outcome, as `reserve granted`.
    pub latency_by: BTreeMap<String, Latency>,
    /// Latency in milliseconds by percentile.
    pub curve: Vec<(f64, f64)>,
    /// From the intended start to the first byte sent: the share of latency that was spent waiting
    /// for a connection, or for the generator itself.
    pub send_delay: Latency,
    /// CPU time of each thread of the generator as a share of the run.
    pub generator_busy: Vec<f64>,
    /// The spike, in the scenario of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spike: Option<SpikeReport>,
    /// What had to hold.
    pub checks: Vec<Check>,
    pub(crate) timeline: Vec<Point>,
}

impl Report {
    pub(crate) fn new(
        settings: &LoadSettings,
        pace: &Pace,
        driven: &Driven,
        checks: Vec<Check>,
    ) -> Self {
        let tally = &driven.tally;
        let all = tally.latencies(|_, _| true);
        let share = |class| tally.count(|_, of| of == class) as f64 / all.len().max(1) as f64;
        let mut outcomes = BTreeMap::new();
        let mut latency_by = BTreeMap::new();
        for (op, class, histogram) in tally.kinds() {
            *outcomes.entry(class.name()).or_default() += histogram.len();
            let name = format!("{} {}", op.name(), class.name());
            latency_by.insert(name, Latency::of(histogram));
        }
        let timeline = tally.timeline.points();
        Self {
            scenario: settings.scenario.name(),
            target: settings.target.host.clone(),
            rate: settings.per_second,
            seconds: driven.seconds,
            connections: settings.connections,
            users: settings.users,
            requests: all.len(),
            answered_per_second: driven.answered_per_second(),
            granted_per_second: driven.granted_per_second(),
            outcomes,
            statuses: tally.statuses.clone(),
            codes: tally.codes.clone(),
            unanswered: tally
                .unanswered
                .iter()
                .map(|(why, count)| (why.name(), *count))
                .collect(),
            shed_without_retry_after: tally.shed_without_retry_after,
            replayed: tally.replayed,
            reconnects: tally.reconnects,
            error_rate: share(Class::Failed),
            shed_rate: share(Class::Shed),
            latency: Latency::of(&all),
            latency_by,
            curve: CURVE
                .iter()
                .map(|percentile| {
                    (
                        *percentile,
                        milliseconds(all.value_at_percentile(*percentile)),
                    )
                })
                .collect(),
            send_delay: Latency::of(&tally.send_delay),
            generator_busy: driven.busy.clone(),
            spike: spike(pace, tally, &timeline),
            checks,
            timeline,
        }
    }

    /// Checks that did not pass.
    #[must_use]
    pub fn failed_checks(&self) -> usize {
        self.checks.iter().filter(|check| !check.passed).count()
    }
}

fn spike(pace: &Pace, tally: &Tally, timeline: &[Point]) -> Option<SpikeReport> {
    let Pace::Open(schedule) = pace else {
        return None;
    };
    let (_, start, end, _) = schedule.phases().find(|(name, ..)| *name == "spike")?;
    let seconds = |ns: u64| ns as f64 / 1e9;
    let interval = seconds(tally.timeline.interval_ns());
    let (start, end) = (seconds(start), seconds(end));
    let mut before: Vec<f64> = timeline
        .iter()
        .filter(|point| point.second + interval <= start && point.per_second > 0.0)
        .map(|point| point.p99_ms)
        .collect();
    before.sort_by(f64::total_cmp);
    let before_p99_ms = before.get(before.len() / 2).copied().unwrap_or(0.0);
    let during_p99_ms = timeline
        .iter()
        .filter(|point| point.second + interval > start && point.second < end)
        .map(|point| point.p99_ms)
        .fold(0.0, f64::max);
    let normal = (before_p99_ms * RECOVERED_FACTOR).max(before_p99_ms + RECOVERED_SLACK_MS);
    let after: Vec<&Point> = timeline
        .iter()
        .filter(|point| point.second >= end && point.per_second > 0.0)
        .collect();
    let is_slow = |point: &&Point| point.p99_ms > normal;
    let recovery_ms = match after.iter().rposition(is_slow) {
        None if after.is_empty() => None,
        None => Some(0.0),
        Some(last) => after
            .get(last + 1)
            .map(|point| (point.second - end) * 1_000.0),
    };
    Some(SpikeReport {
        before_p99_ms,
        during_p99_ms,
        recovery_ms,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answer::Answer;
    use crate::draft::Op;
    use crate::schedule::Schedule;

    fn tally(schedule: &Schedule, latency_ms: impl Fn(f64) -> u64) -> Tally {
        let mut tally = Tally::new(100_000_000);
        let answer = Answer {
            status: 201,
            body: b"",
            retry_after: false,
            replayed: false,
            close: false,
        };
        for k in 0..schedule.count() {
            let at = schedule.at(k).unwrap();
            let answered = at + latency_ms(at as f64 / 1e9) * 1_000_000;
            tally.answered(Op::Reserve, at, at, answered, &answer);
        }
        tally
    }

    #[test]
    fn recovery_counts_from_the_end_of_the_spike() {
        let schedule = Schedule::spike(100, Duration::from_secs(10));
        // Slow during the spike (4 s to 6 s) and for 1.5 s after it.
        let slow = tally(
            &schedule,
            |second| {
                if (4.0..7.5).contains(&second) { 80 } else { 2 }
            },
        );
        let report = spike(
            &Pace::Open(schedule.clone()),
            &slow,
            &slow.timeline.points(),
        )
        .unwrap();
        assert!((report.before_p99_ms - 2.0).abs() < 0.1);
        assert!((report.during_p99_ms - 80.0).abs() < 1.0);
        assert!((report.recovery_ms.unwrap() - 1_500.0).abs() < 1.0);
        let never = tally(&schedule, |second| if second < 4.0 { 2 } else { 80 });
        let report = spike(
            &Pace::Open(schedule.clone()),
            &never,
            &never.timeline.points(),
        )
        .unwrap();
        assert_eq!(report.recovery_ms, None);
        let quick = tally(&schedule, |_| 2);
        let report = spike(&Pace::Open(schedule), &quick, &quick.timeline.points()).unwrap();
        assert_eq!(report.recovery_ms, Some(0.0));
    }
}
