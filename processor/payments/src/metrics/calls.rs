//! Metrics of the calls of a gateway, and of the circuit in front of it.

use std::time::Instant;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, exponential_buckets,
};

use crate::gateway::circuit::Position;

/// From 5 ms to 40 s, when everybody has given up.
const BUCKETS: (f64, f64, usize) = (0.005, 2.0, 14);
/// What can be asked of a gateway.
const CALLS: [&str; 9] = [
    "create",
    "read",
    "find",
    "capture",
    "cancel",
    "refund",
    "read_refund",
    "read_dispute",
    "page",
];

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallOutcome {
    /// It did what was asked.
    Done,
    /// It said no.
    Refused,
    /// Nobody knows.
    Unknown,
    /// It said that it cannot now, or could not be reached.
    Unavailable,
    /// It was not made: the circuit was open.
    NotMade,
    /// Whoever asked waited no longer.
    Dropped,
}

impl CallOutcome {
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Refused,
        Self::Unknown,
        Self::Unavailable,
        Self::NotMade,
        Self::Dropped,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::NotMade => "not_made",
            Self::Dropped => "dropped",
        }
    }
}

/// Metrics of a gateway. Cheap to clone: all handles are shared.
#[derive(Clone, Debug)]
pub struct GatewayMetrics {
    calls: IntCounterVec,
    seconds: HistogramVec,
    circuit: IntGaugeVec,
}

impl GatewayMetrics {
    /// Registers them. Every series is there from the start, so that an alert can distinguish a gateway without calls
    /// from a process without a gateway.
    ///
    /// # Errors
    /// When names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let (first, factor, count) = BUCKETS;
        let buckets = exponential_buckets(first, factor, count)?;
        let metrics = Self {
            calls: IntCounterVec::new(
                Opts::new(
                    "onsale_gateway_calls_total",
                    "Calls of the payment gateway by outcome: done, refused, unknown, unavailable, not_made (the \
                     circuit was open), dropped (nobody waited any longer)",
                ),
                &["call", "outcome"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "onsale_gateway_call_seconds",
                    "Time that calls of the payment gateway took, whatever came of them",
                )
                .buckets(buckets),
                &["call"],
            )?,
            circuit: IntGaugeVec::new(
                Opts::new(
                    "onsale_gateway_circuit",
                    "1 for where the circuit in front of the payment gateway stands: closed, open, half_open",
                ),
                &["state"],
            )?,
        };
        for call in CALLS {
            for outcome in CallOutcome::ALL {
                metrics.calls.with_label_values(&[call, outcome.as_str()]);
            }
            metrics.seconds.with_label_values(&[call]);
        }
        metrics.stands(Position::Closed);
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.circuit.clone()))?;
        Ok(metrics)
    }

    /// Shows where the circuit stands.
    pub(crate) fn stands(&self, position: Position) {
        for (state, of) in [
            ("closed", Position::Closed),
            ("open", Position::Open),
            ("half_open", Position::HalfOpen),
        ] {
            self.circuit
                .with_label_values(&[state])
                .set(i64::from(position == of));
        }
    }

    /// A call that was not made.
    pub(crate) fn not_made(&self, call: &'static str) {
        self.calls
            .with_label_values(&[call, CallOutcome::NotMade.as_str()])
            .inc();
    }
}

/// A call under way: counted when it ends, however that is.
pub(crate) struct Timed<'a> {
    metrics: Option<&'a GatewayMetrics>,
    call: &'static str,
    began: Instant,
    outcome: CallOutcome,
}

impl<'a> Timed<'a> {
    /// Begins.
    pub(crate) fn begin(metrics: Option<&'a GatewayMetrics>, call: &'static str) -> Self {
        Self {
            metrics,
            call,
            began: Instant::now(),
            outcome: CallOutcome::Dropped,
        }
    }

    /// Ends with an answer.
    pub(crate) fn ended(mut self, outcome: CallOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let Some(metrics) = self.metrics else { return };
        metrics
            .calls
            .with_label_values(&[self.call, self.outcome.as_str()])
            .inc();
        metrics
            .seconds
            .with_label_values(&[self.call])
            .observe(self.began.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(metrics: &GatewayMetrics, call: &str, outcome: CallOutcome) -> u64 {
        metrics
            .calls
            .with_label_values(&[call, outcome.as_str()])
            .get()
    }

    #[test]
    fn a_call_is_counted_however_it_ends() {
        let metrics = GatewayMetrics::register(&Registry::new()).unwrap();
        Timed::begin(Some(&metrics), "read").ended(CallOutcome::Refused);
        drop(Timed::begin(Some(&metrics), "read"));
        Timed::begin(None, "read").ended(CallOutcome::Done);
        metrics.not_made("read");
        for (outcome, expected) in [
            (CallOutcome::Refused, 1),
            (CallOutcome::Dropped, 1),
            (CallOutcome::NotMade, 1),
            (CallOutcome::Done, 0),
        ] {
            assert_eq!(counted(&metrics, "read", outcome), expected, "{outcome:?}");
        }
        let seconds = metrics.seconds.with_label_values(&["read"]);
        assert_eq!(
            seconds.get_sample_count(),
            2,
            "what was not made took no time"
        );
    }

    #[test]
    fn the_circuit_stands_in_one_place() {
        let metrics = GatewayMetrics::register(&Registry::new()).unwrap();
        metrics.stands(Position::Open);
        for (state, expected) in [("closed", 0), ("open", 1), ("half_open", 0)] {
            let gauge = metrics.circuit.with_label_values(&[state]);
            assert_eq!(gauge.get(), expected, "{state}");
        }
    }
}
