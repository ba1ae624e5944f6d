//! What is measured.

use http::{Method, StatusCode};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

/// From a quarter of a millisecond to ten seconds.
const LATENCY_BUCKETS_SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) reservations: IntCounter,
    reservation_failures: IntCounterVec,
    pub(crate) precheck_refusals: IntCounterVec,
    pub(crate) unknown_outcomes: IntCounter,
    pub(crate) feed_lags: IntCounter,
    pub(crate) panics: IntCounter,
    stream_readers: IntGauge,
    live_shows: IntGauge,
    access_lines_lost: IntCounter,
}

impl Metrics {
    pub(crate) fn new(registry: Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters =
            |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
                let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
                registry.register(Box::new(counters.clone()))?;
                Ok(counters)
            };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "http_request_duration_seconds",
                "Time from the head of a request to the head of its answer",
            )
            .buckets(LATENCY_BUCKETS_SECONDS.to_vec()),
            &["method", "route"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self {
            requests: counters(
                "http_requests_total",
                "Requests answered",
                &["method", "route", "status"],
            )?,
            durations,
            in_flight: gauge("http_requests_in_flight", "Requests being answered")?,
            reservations: counter("booking_reservations_total", "Reservations granted")?,
            reservation_failures: counters(
                "booking_reservation_failures",
                "Reservations refused, by code",
                &["code"],
            )?,
            precheck_refusals: counters(
                "booking_precheck_refusals_total",
                "Reservations refused before the log was asked, by code",
                &["code"],
            )?,
            unknown_outcomes: counter(
                "booking_unknown_outcomes_total",
                "Answers of 202 because the outcome was not known in time",
            )?,
            feed_lags: counter(
                "ingress_feed_lags_total",
                "Times that the feed of outcomes lost batches",
            )?,
            panics: counter("http_panics_total", "Handlers that panicked")?,
            stream_readers: gauge(
                "availability_stream_readers",
                "Readers of live availability connected",
            )?,
            live_shows: gauge("availability_live_shows", "Shows with a live view")?,
            access_lines_lost: counter(
                "http_label_errors_total",
                "Requests that could not be counted",
            )?,
            registry,
        })
    }

    pub(crate) fn answered(&self, method: &Method, route: &str, status: StatusCode, seconds: f64) {
        let method = label(method);
        match self
            .requests
            .get_metric_with_label_values(&[method, route, status.as_str()])
        {
            Ok(counter) => counter.inc(),
            Err(_) => self.access_lines_lost.inc(),
        }
        if let Ok(histogram) = self
            .durations
            .get_metric_with_label_values(&[method, route])
        {
            histogram.observe(seconds);
        }
    }

    pub(crate) fn reservation_failed(&self, code: &str) {
        if let Ok(counter) = self
            .reservation_failures
            .get_metric_with_label_values(&[code])
        {
            counter.inc();
        }
    }

    pub(crate) fn precheck_refused(&self, code: &str) {
        if let Ok(counter) = self.precheck_refusals.get_metric_with_label_values(&[code]) {
            counter.inc();
        }
    }

    /// The text of `/metrics`: everything in the registry, including the process's metrics.
    pub(crate) fn text(&self, readers: usize, shows: usize) -> Result<String, prometheus::Error> {
        self.stream_readers
            .set(i64::try_from(readers).unwrap_or(i64::MAX));
        self.live_shows
            .set(i64::try_from(shows).unwrap_or(i64::MAX));
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Made-up methods must not become series.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
