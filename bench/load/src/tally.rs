//! What was counted.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::answer::Answer;
use crate::draft::Op;
use crate::timeline::Timeline;

/// Longest recorded latency, in microseconds (10 minutes); longer ones count as this.
const LATENCY_MAX_US: u64 = 600_000_000;
/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// What an answer meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Class {
    /// Done: 2xx with the final answer.
    Granted,
    /// Refused by the rules: 409, 410, 422.
    Refused,
    /// Not known yet: 202.
    Pending,
    /// Turned away for now: 429, 503.
    Shed,
    /// Anything else: another status, a broken connection, no answer in time.
    Failed,
}

impl Class {
    pub(crate) fn of(status: u16) -> Self {
        match status {
            202 => Self::Pending,
            200..=299 | 304 => Self::Granted,
            409 | 410 | 422 => Self::Refused,
            429 | 503 => Self::Shed,
            _ => Self::Failed,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Pending => "pending",
            Self::Shed => "shed",
            Self::Failed => "failed",
        }
    }
}

/// Why a request has no answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Unanswered {
    /// No answer in time.
    TimedOut,
    /// Could not be sent in time: every connection was busy.
    NeverSent,
    /// The connection broke before the answer.
    Broken,
    /// What came was no HTTP.
    Malformed,
}

impl Unanswered {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::NeverSent => "never_sent",
            Self::Broken => "connection_broken",
            Self::Malformed => "malformed_answer",
        }
    }
}

/// Counts and latencies of a run, or of one thread of it.
#[derive(Debug)]
pub struct Tally {
    by: BTreeMap<(Op, Class), Histogram<u64>>,
    pub(crate) send_delay: Histogram<u64>,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) codes: BTreeMap<String, u64>,
    pub(crate) unanswered: BTreeMap<Unanswered, u64>,
    pub(crate) shed_without_retry_after: u64,
    pub(crate) replayed: u64,
    pub(crate) reconnects: u64,
    pub(crate) timeline: Timeline,
}

impl Tally {
    pub(crate) fn new(interval_ns: u64) -> Self {
        Self {
            by: BTreeMap::new(),
            send_delay: empty_histogram(),
            statuses: BTreeMap::new(),
            codes: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            shed_without_retry_after: 0,
            replayed: 0,
            reconnects: 0,
            timeline: Timeline::new(interval_ns),
        }
    }

    /// A request was answered: latency and delay before sending count from its intended start.
    pub(crate) fn answered(
        &mut self,
        op: Op,
        intended_ns: u64,
        sent_ns: u64,
        answered_ns: u64,
        answer: &Answer<'_>,
    ) -> Class {
        let class = Class::of(answer.status);
        let latency_us = answered_ns.saturating_sub(intended_ns) / 1_000;
        self.record(op, class, latency_us);
        self.send_delay
            .saturating_record(sent_ns.saturating_sub(intended_ns) / 1_000);
        *self.statuses.entry(answer.status).or_default() += 1;
        if !matches!(class, Class::Granted | Class::Pending) {
            let code = answer.text("code").unwrap_or("(no code)");
            match self.codes.get_mut(code) {
                Some(count) => *count += 1,
                None => {
                    self.codes.insert(code.to_owned(), 1);
                }
            }
        }
        if class == Class::Shed && !answer.retry_after {
            self.shed_without_retry_after += 1;
        }
        self.replayed += u64::from(answer.replayed);
        self.timeline.answered(intended_ns, latency_us, class);
        class
    }

    /// A request has no answer, `waited_ns` after its intended start.
    pub(crate) fn unanswered(&mut self, op: Op, intended_ns: u64, waited_ns: u64, why: Unanswered) {
        // Without these, it would look as if slow requests had never existed.
        self.record(op, Class::Failed, waited_ns / 1_000);
        *self.unanswered.entry(why).or_default() += 1;
        self.timeline
            .answered(intended_ns, waited_ns / 1_000, Class::Failed);
    }

    fn record(&mut self, op: Op, class: Class, latency_us: u64) {
        self.by
            .entry((op, class))
            .or_insert_with(empty_histogram)
            .saturating_record(latency_us);
    }

    /// Adds what another thread counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, histogram) in other.by {
            add(
                self.by.entry(key).or_insert_with(empty_histogram),
                &histogram,
            );
        }
        add(&mut self.send_delay, &other.send_delay);
        merge_counts(&mut self.statuses, other.statuses);
        merge_counts(&mut self.codes, other.codes);
        merge_counts(&mut self.unanswered, other.unanswered);
        self.shed_without_retry_after += other.shed_without_retry_after;
        self.replayed += other.replayed;
        self.reconnects += other.reconnects;
        self.timeline.merge(other.timeline);
    }

    /// Latencies of all that match, together.
    pub(crate) fn latencies(&self, matches: impl Fn(Op, Class) -> bool) -> Histogram<u64> {
        let mut all = empty_histogram();
        for ((op, class), histogram) in &self.by {
            if matches(*op, *class) {
                add(&mut all, histogram);
            }
        }
        all
    }

    /// Operations and classes that occurred.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Op, Class, &Histogram<u64>)> {
        self.by
            .iter()
            .map(|((op, class), histogram)| (*op, *class, histogram))
    }

    pub(crate) fn count(&self, matches: impl Fn(Op, Class) -> bool) -> u64 {
        self.kinds()
            .filter(|(op, class, _)| matches(*op, *class))
            .map(|(_, _, histogram)| histogram.len())
            .sum()
    }

    /// Requests that were granted.
    #[must_use]
    pub fn granted(&self) -> u64 {
        self.count(|_, class| class == Class::Granted)
    }

    /// Requests that were not granted, for whatever reason.
    #[must_use]
    pub fn not_granted(&self) -> u64 {
        self.count(|_, class| class != Class::Granted)
    }

    /// The latency below which this percentage of all requests was, in milliseconds.
    #[must_use]
    pub fn latency_ms(&self, percentile: f64) -> f64 {
        milliseconds(self.latencies(|_, _| true).value_at_percentile(percentile))
    }
}

pub(crate) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants; a test makes one"
)]
pub(crate) fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_MAX_US, DIGITS).expect("bounds are valid")
}

fn add(into: &mut Histogram<u64>, other: &Histogram<u64>) {
    // Both have the same bounds, so that adding cannot fail.
    let added = into.add(other);
    debug_assert!(added.is_ok());
}

fn merge_counts<K: Ord>(into: &mut BTreeMap<K, u64>, other: BTreeMap<K, u64>) {
    for (key, count) in other {
        *into.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer<'static> {
        Answer {
            status,
            body: body.as_bytes(),
            retry_after: status == 503,
            replayed: false,
            close: false,
        }
    }

    #[test]
    fn latency_counts_from_the_intended_start() {
        let mut tally = Tally::new(1_000_000_000);
        tally.answered(
            Op::Reserve,
            1_000_000,
            9_000_000,
            11_000_000,
            &answer(201, ""),
        );
        assert!((tally.latency_ms(100.0) - 10.0).abs() < 0.02);
        assert!((milliseconds(tally.send_delay.max()) - 8.0).abs() < 0.02);
    }

    #[test]
    fn answers_are_distinguished() {
        let mut tally = Tally::new(1_000_000_000);
        for (status, body) in [
            (201, ""),
            (202, ""),
            (409, r#"{"error":{"code":"SEAT_UNAVAILABLE"}}"#),
            (429, r#"{"error":{"code":"RATE_LIMITED"}}"#),
            (503, ""),
            (500, ""),
            (400, ""),
        ] {
            tally.answered(Op::Reserve, 0, 0, 1_000, &answer(status, body));
        }
        tally.unanswered(Op::Reserve, 0, 1_000, Unanswered::TimedOut);
        let count = |class| tally.count(|_, of| of == class);
        assert_eq!(count(Class::Granted), 1);
        assert_eq!(count(Class::Pending), 1);
        assert_eq!(count(Class::Refused), 1);
        assert_eq!(count(Class::Shed), 2);
        assert_eq!(count(Class::Failed), 3);
        assert_eq!(tally.codes["SEAT_UNAVAILABLE"], 1);
        assert_eq!(tally.shed_without_retry_after, 1, "the 429 had none");
        assert_eq!(tally.not_granted(), 7);
    }

    #[test]
    fn merging_loses_nothing() {
        let mut all = Tally::new(1_000_000_000);
        for thread in 0..3u64 {
            let mut part = Tally::new(1_000_000_000);
            for i in 0..100u64 {
                let at = thread * 1_000_000_000;
                part.answered(Op::Read, at, at, at + (i + 1) * 1_000_000, &answer(200, ""));
            }
            part.unanswered(Op::Reserve, 0, 5, Unanswered::Broken);
            all.merge(part);
        }
        assert_eq!(all.granted(), 300);
        assert_eq!(all.unanswered[&Unanswered::Broken], 3);
        let reads = all.latencies(|op, _| op == Op::Read);
        assert_eq!(reads.len(), 300);
        assert!((milliseconds(reads.value_at_percentile(50.0)) - 50.0).abs() < 0.1);
        assert_eq!(all.timeline.points().len(), 3);
    }
}
