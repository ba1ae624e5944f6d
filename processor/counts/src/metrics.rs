//! What is measured of Redis.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// From 50 microseconds to 1.6 seconds.
const LATENCY_FIRST_SECONDS: f64 = 50e-6;
const LATENCY_BUCKETS: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    durations: HistogramVec,
    failures: IntCounterVec,
    pub(super) open: IntGauge,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = prometheus::exponential_buckets(LATENCY_FIRST_SECONDS, 2.0, LATENCY_BUCKETS)?;
        let metrics = Self {
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "redis_operation_duration_seconds",
                    "Time of an operation of Redis, failed ones included",
                )
                .buckets(buckets),
                &["operation"],
            )?,
            failures: IntCounterVec::new(
                Opts::new(
                    "redis_operation_failures_total",
                    "Operations of Redis that failed, were too slow, or returned impossible values",
                ),
                &["operation", "why"],
            )?,
            open: IntGauge::new(
                "redis_circuit_open",
                "1 while Redis is not asked because it was slow or gone",
            )?,
        };
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.open.clone()))?;
        Ok(metrics)
    }

    pub(super) fn took(&self, operation: &str, time: Duration) {
        if let Ok(histogram) = self.durations.get_metric_with_label_values(&[operation]) {
            histogram.observe(time.as_secs_f64());
        }
    }

    pub(super) fn failed(&self, operation: &str, why: &str) {
        if let Ok(counter) = self
            .failures
            .get_metric_with_label_values(&[operation, why])
        {
            counter.inc();
        }
    }
}
