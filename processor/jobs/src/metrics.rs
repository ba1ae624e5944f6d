//! Metrics of the queue.

use onsale_store::job::{JobCount, JobState};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, exponential_buckets,
};

/// From a millisecond to ten minutes.
const BUCKETS: (f64, f64, usize) = (0.001, 4.0, 11);

/// The metrics of the jobs. Cheap to clone: all handles are shared.
#[derive(Clone, Debug)]
pub struct Metrics {
    attempts: IntCounterVec,
    seconds: HistogramVec,
    wait_seconds: HistogramVec,
    jobs: IntGaugeVec,
    overdue_seconds: IntGaugeVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let (first, factor, count) = BUCKETS;
        let buckets = exponential_buckets(first, factor, count)?;
        let histogram = |name, help| {
            let options = HistogramOpts::new(name, help).buckets(buckets.clone());
            HistogramVec::new(options, &["kind"])
        };
        let metrics = Self {
            attempts: IntCounterVec::new(
                Opts::new(
                    "onsale_job_attempts_total",
                    "Attempts at jobs by result: done, failed, dead, cancelled, lost, released",
                ),
                &["kind", "outcome"],
            )?,
            seconds: histogram(
                "onsale_job_attempt_seconds",
                "Time that attempts at jobs took",
            )?,
            wait_seconds: histogram(
                "onsale_job_wait_seconds",
                "Time from when a job was due until a worker started it",
            )?,
            jobs: IntGaugeVec::new(
                Opts::new(
                    "onsale_jobs",
                    "Jobs that are not over by kind and state: waiting, running, dead",
                ),
                &["kind", "state"],
            )?,
            overdue_seconds: IntGaugeVec::new(
                Opts::new(
                    "onsale_jobs_overdue_seconds",
                    "How long the waiting job that has been due longest has been due",
                ),
                &["kind"],
            )?,
        };
        registry.register(Box::new(metrics.attempts.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.wait_seconds.clone()))?;
        registry.register(Box::new(metrics.jobs.clone()))?;
        registry.register(Box::new(metrics.overdue_seconds.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn began(&self, kind: &str, waited_ms: u64) {
        let waited = std::time::Duration::from_millis(waited_ms).as_secs_f64();
        self.wait_seconds.with_label_values(&[kind]).observe(waited);
    }

    pub(crate) fn ended(&self, kind: &str, outcome: &str, took: std::time::Duration) {
        self.attempts.with_label_values(&[kind, outcome]).inc();
        self.seconds
            .with_label_values(&[kind])
            .observe(took.as_secs_f64());
    }

    /// Shows the jobs that are not over. Each of the known `kinds` has its numbers and a time that it is
    /// overdue, of 0 too, so that an alert can distinguish it from a worker that counts nothing.
    pub(crate) fn counted<'a>(&self, kinds: impl Iterator<Item = &'a str>, counts: &[JobCount]) {
        // A kind or state without jobs is 0 again.
        self.jobs.reset();
        self.overdue_seconds.reset();
        for kind in kinds {
            self.overdue_seconds.with_label_values(&[kind]).set(0);
            for state in [JobState::Waiting, JobState::Running, JobState::Dead] {
                self.jobs.with_label_values(&[kind, state.as_str()]).set(0);
            }
        }
        for count in counts {
            self.jobs
                .with_label_values(&[count.kind.as_str(), count.state.as_str()])
                .set(i64::try_from(count.jobs).unwrap_or(i64::MAX));
            if count.state == JobState::Waiting {
                self.overdue_seconds
                    .with_label_values(&[count.kind.as_str()])
                    .set(i64::try_from(count.overdue_ms / 1_000).unwrap_or(i64::MAX));
            }
        }
    }
}
