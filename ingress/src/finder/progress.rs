//! How the index fares, for metrics and readiness.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// From when on an index that is not there or not in step is a problem, in seconds: each start is without one
/// for a moment.
const BEHIND_MAX_SECONDS: i64 = 10;

/// Why an index is made anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// A change of it panicked.
    Damaged,
    /// A search in it panicked.
    Doubted,
    /// The store cannot tell any more what has changed since.
    Outdated,
    /// Much of it is about what is gone.
    Worn,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Doubted => "doubted",
            Self::Outdated => "outdated",
            Self::Worn => "worn",
        }
    }
}

pub(super) struct Progress {
    ready: IntGauge,
    events: IntGauge,
    building: IntGauge,
    behind: IntGauge,
    rebuilds: IntCounterVec,
    /// Whether this node follows the catalog at all.
    is_started: AtomicBool,
    is_full: AtomicBool,
}

impl Progress {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let rebuilds = IntCounterVec::new(
            Opts::new(
                "search_index_rebuilds_total",
                "Times that the index of the search was made anew, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(rebuilds.clone()))?;
        Ok(Self {
            ready: gauge(
                "search_index_ready",
                "1 where there is an index to search in",
            )?,
            events: gauge("search_index_events", "Events in the index of the search")?,
            building: gauge(
                "search_index_building_events",
                "Events that the index has so far which is being made; 0 where none is",
            )?,
            behind: gauge(
                "search_index_behind_seconds",
                "For how long the index has not followed the catalog, or there was none; 0 where it does",
            )?,
            rebuilds,
            is_started: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
        })
    }

    pub(super) fn is_started(&self) {
        self.is_started.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ready(&self, is_ready: bool) {
        self.ready.set(i64::from(is_ready));
    }

    pub(super) fn has_events(&self, events: usize) {
        self.events.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    pub(super) fn is_building(&self, events: usize) {
        self.building.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    pub(super) fn is_behind(&self, since: Duration) {
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        self.behind.set(seconds);
    }

    pub(super) fn is_full(&self, is_full: bool) {
        if self.is_full.swap(is_full, Ordering::Relaxed) != is_full && is_full {
            tracing::warn!("the index of the search is full: further events are not found");
        }
    }

    pub(super) fn leaves_out(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub(super) fn rebuilds(&self, reason: Reason) {
        let reason = reason.as_str();
        tracing::warn!(reason, "the index of the search is made anew");
        if let Ok(counter) = self.rebuilds.get_metric_with_label_values(&[reason]) {
            counter.inc();
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.is_started.load(Ordering::Relaxed) {
            return problems;
        }
        let behind = self.behind.get();
        if behind > BEHIND_MAX_SECONDS {
            problems.push(if self.ready.get() == 0 {
                let events = self.building.get();
                format!("the search is being prepared: {events} events so far")
            } else {
                format!("the search has not followed the catalog for {behind} seconds")
            });
        }
        if self.is_full.load(Ordering::Relaxed) {
            problems.push("the search is full: some events are not found".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_is_wrong_with_the_search() {
        let progress = Progress::new(&Registry::new()).unwrap();
        assert!(progress.problems().is_empty(), "nobody wants a search here");
        progress.is_started();
        progress.is_building(256);
        assert!(progress.problems().is_empty(), "it has just begun");
        progress.is_behind(Duration::from_secs(60));
        assert_eq!(
            progress.problems(),
            ["the search is being prepared: 256 events so far"]
        );
        progress.is_ready(true);
        assert_eq!(
            progress.problems(),
            ["the search has not followed the catalog for 60 seconds"]
        );
        progress.is_behind(Duration::from_secs(9));
        assert!(
            progress.problems().is_empty(),
            "a database that starts again"
        );
        progress.is_behind(Duration::from_secs(60));
        progress.is_full(true);
        assert_eq!(progress.problems().len(), 2);
        progress.is_behind(Duration::ZERO);
        progress.is_full(false);
        assert!(progress.problems().is_empty());
    }
}
