//! The intended start times of requests.

use std::time::Duration;

use crate::clock::NS_PER_S;

/// Share of a spike run before the spike, and after it, in percent.
const SPIKE_REST_PERCENT: u64 = 40;
/// A spike's rate as a multiple of the rate before and after it.
pub(crate) const SPIKE_FACTOR: u64 = 20;

/// How requests follow one another.
#[derive(Clone, Debug)]
pub enum Pace {
    /// Open loop: at the times of a schedule, whatever the server does.
    Open(Schedule),
    /// Closed loop: for this long, every connection sends again as soon as it has its answer.
    /// Measures the highest throughput; its latencies say nothing about an open loop.
    Closed(Duration),
}

impl Pace {
    /// How long requests are sent.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match self {
            Self::Open(schedule) => Duration::from_nanos(schedule.end_ns()),
            Self::Closed(duration) => *duration,
        }
    }
}

/// A stretch of time with one rate.
#[derive(Clone, Debug)]
struct Phase {
    name: &'static str,
    start_ns: u64,
    end_ns: u64,
    per_second: u64,
    /// Arrivals before this phase.
    first: u64,
}

/// Intended start times, fixed before the run.
#[derive(Clone, Debug)]
pub struct Schedule {
    phases: Vec<Phase>,
    count: u64,
}

impl Schedule {
    /// The same rate all along. A rate of 0 means no arrivals.
    #[must_use]
    pub fn constant(per_second: u64, duration: Duration) -> Self {
        Self::of(&[("steady", per_second, nanoseconds(duration))])
    }

    /// The rate, then twenty times the rate for a fifth of the time, then the rate again.
    #[must_use]
    pub fn spike(per_second: u64, duration: Duration) -> Self {
        let all = nanoseconds(duration);
        let rest = all / 100 * SPIKE_REST_PERCENT;
        Self::of(&[
            ("before", per_second, rest),
            (
                "spike",
                per_second.saturating_mul(SPIKE_FACTOR),
                all.saturating_sub(2 * rest),
            ),
            ("after", per_second, rest),
        ])
    }

    fn of(parts: &[(&'static str, u64, u64)]) -> Self {
        let mut phases = Vec::new();
        let (mut start_ns, mut first) = (0u64, 0u64);
        for &(name, per_second, length_ns) in parts {
            let end_ns = start_ns.saturating_add(length_ns);
            phases.push(Phase {
                name,
                start_ns,
                end_ns,
                per_second,
                first,
            });
            let arrivals = u128::from(per_second) * u128::from(length_ns) / u128::from(NS_PER_S);
            first = first.saturating_add(u64::try_from(arrivals).unwrap_or(u64::MAX));
            start_ns = end_ns;
        }
        Self {
            phases,
            count: first,
        }
    }

    /// How many requests there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The intended start of request `k`, in nanoseconds since the start of the run; `None` past
    /// the last one.
    #[must_use]
    pub fn at(&self, k: u64) -> Option<u64> {
        if k >= self.count {
            return None;
        }
        // The last phase that begins at or before this arrival and has arrivals of its own.
        let phase = self
            .phases
            .iter()
            .rev()
            .find(|phase| phase.first <= k && phase.per_second > 0)?;
        let within =
            u128::from(k - phase.first) * u128::from(NS_PER_S) / u128::from(phase.per_second);
        Some(
            phase
                .start_ns
                .saturating_add(u64::try_from(within).unwrap_or(u64::MAX)),
        )
    }

    /// End of the last phase, in nanoseconds since the start of the run.
    #[must_use]
    pub(crate) fn end_ns(&self) -> u64 {
        self.phases.last().map_or(0, |phase| phase.end_ns)
    }

    /// Name, beginning and end (nanoseconds) and rate of each phase.
    pub(crate) fn phases(&self) -> impl Iterator<Item = (&'static str, u64, u64, u64)> + '_ {
        self.phases
            .iter()
            .map(|phase| (phase.name, phase.start_ns, phase.end_ns, phase.per_second))
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_is_spaced_evenly_and_never_drifts() {
        let schedule = Schedule::constant(3, Duration::from_secs(10));
        assert_eq!(schedule.count(), 30);
        assert_eq!(schedule.at(0), Some(0));
        assert_eq!(schedule.at(3), Some(NS_PER_S));
        assert_eq!(schedule.at(29), Some(9_666_666_666));
        assert_eq!(schedule.at(30), None);
    }

    #[test]
    fn a_spike_has_its_arrivals_in_order_and_in_their_phases() {
        let schedule = Schedule::spike(10, Duration::from_secs(10));
        // 4 s at 10/s, 2 s at 200/s, 4 s at 10/s.
        assert_eq!(schedule.count(), 40 + 400 + 40);
        let times: Vec<u64> = (0..schedule.count())
            .map(|k| schedule.at(k).unwrap())
            .collect();
        assert!(times.is_sorted());
        assert_eq!(times[39], 3_900_000_000);
        assert_eq!(times[40], 4 * NS_PER_S);
        assert_eq!(times[439], 5_995_000_000);
        assert_eq!(times[440], 6 * NS_PER_S);
        assert_eq!(schedule.end_ns(), 10 * NS_PER_S);
    }

    #[test]
    fn no_rate_means_no_arrivals() {
        let schedule = Schedule::constant(0, Duration::from_secs(1));
        assert_eq!((schedule.count(), schedule.at(0)), (0, None));
    }

    #[test]
    fn large_rates_and_long_runs_do_not_overflow() {
        let schedule = Schedule::constant(10_000_000, Duration::from_secs(86_400 * 365));
        assert!(schedule.at(schedule.count() - 1).unwrap() < schedule.end_ns());
    }
}
