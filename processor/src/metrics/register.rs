//! Creates metrics in a registry.

use prometheus::core::Collector;
use prometheus::{
    Error, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, exponential_buckets,
};

/// A metric's name and what it says.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

impl Named {
    fn opts(self) -> Opts {
        Opts::new(self.name, self.help)
    }
}

/// See the module.
pub(super) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    fn register<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M, Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// With `count` buckets: the first ends at `first`, each of the others at `factor` times the one
    /// before.
    pub(super) fn histogram(
        &self,
        metric: Named,
        first: f64,
        factor: f64,
        count: usize,
    ) -> Result<Histogram, Error> {
        let buckets = exponential_buckets(first, factor, count)?;
        let opts = HistogramOpts::new(metric.name, metric.help).buckets(buckets);
        self.register(Histogram::with_opts(opts)?)
    }

    pub(super) fn counter(&self, metric: Named) -> Result<IntCounter, Error> {
        self.register(IntCounter::with_opts(metric.opts())?)
    }

    pub(super) fn counters(&self, metric: Named, label: &str) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(metric.opts(), &[label])?)
    }

    pub(super) fn gauge(&self, metric: Named) -> Result<IntGauge, Error> {
        self.register(IntGauge::with_opts(metric.opts())?)
    }

    pub(super) fn gauges(&self, metric: Named, label: &str) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(metric.opts(), &[label])?)
    }

    pub(super) fn float_gauges(&self, metric: Named, label: &str) -> Result<GaugeVec, Error> {
        self.register(GaugeVec::new(metric.opts(), &[label])?)
    }
}
