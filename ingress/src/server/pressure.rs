//! What a listener is short of, for metrics and readiness.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// How long a shortage of descriptors is reported after it was last met.
const REPORTED_FOR: Duration = Duration::from_secs(10);
/// After this time the log says it again.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// `EMFILE` and `ENFILE` on every system that this runs on.
const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

/// True when the process, or the system, has no file descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code))
}

/// True when a client was gone before its connection was taken: the next one can be taken at once.
pub(super) fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// A connection that is counted as open until this is dropped, also by a panic.
pub(super) struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Figures of a listener.
pub(crate) struct Pressure {
    began: Instant,
    /// Milliseconds after `began`, and one; 0: never.
    descriptors_short_at_ms: AtomicU64,
    full_since_ms: AtomicU64,
    /// When the log last said so, as above, by what it says: one must not silence the others.
    descriptors_logged_at_ms: AtomicU64,
    refusals_logged_at_ms: AtomicU64,
    fullness_logged_at_ms: AtomicU64,
    connections_max: usize,
    connections: IntGauge,
    pub(super) tls_failures: IntCounter,
    refused: IntCounterVec,
    pub(super) stalled: IntCounter,
    pub(super) streams_stalled: IntCounter,
    pub(super) slowed: IntCounter,
    pub(super) given_up: IntCounter,
    pub(super) answers_refused: IntCounter,
    pub(super) malformed: IntCounter,
    pub(super) unsent_bytes: IntGauge,
    descriptors_exhausted: IntCounter,
}

impl Pressure {
    /// With metrics in the registry, where there is one.
    pub(super) fn new(
        connections_max: usize,
        registry: Option<&Registry>,
    ) -> Result<Self, prometheus::Error> {
        let own = Registry::new();
        let registry = registry.unwrap_or(&own);
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let refused = IntCounterVec::new(
            Opts::new(
                "http_connections_refused_total",
                "Connections that were closed at once, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        let limit = gauge(
            "http_connections_limit",
            "Connections that may be open at once",
        )?;
        limit.set(i64::try_from(connections_max).unwrap_or(i64::MAX));
        Ok(Self {
            began: Instant::now(),
            descriptors_short_at_ms: AtomicU64::new(0),
            full_since_ms: AtomicU64::new(0),
            descriptors_logged_at_ms: AtomicU64::new(0),
            refusals_logged_at_ms: AtomicU64::new(0),
            fullness_logged_at_ms: AtomicU64::new(0),
            connections_max,
            connections: gauge("http_connections_open", "Connections open")?,
            tls_failures: counter(
                "http_tls_handshake_failures_total",
                "Connections that ended before TLS was agreed on",
            )?,
            refused,
            stalled: counter(
                "http_connections_stalled_total",
                "Connections closed because their client did not take what it asked for",
            )?,
            streams_stalled: counter(
                "http_streams_stalled_total",
                "Streams of HTTP/2 reset because their client did not take what it asked for",
            )?,
            slowed: counter(
                "http_connections_slowed_total",
                "Connections of HTTP/2 read from more slowly because their client sends too many frames \
                 that ask for nothing",
            )?,
            given_up: counter(
                "http_connections_given_up_total",
                "Idle connections closed to make room for new ones",
            )?,
            answers_refused: counter(
                "http_answers_refused_total",
                "Requests refused because their address has not taken earlier answers",
            )?,
            malformed: counter(
                "http_requests_malformed_total",
                "Requests refused before any route because of their host or transfer coding",
            )?,
            unsent_bytes: gauge(
                "http_answers_unsent_bytes",
                "Bytes of answers that connections have not written yet",
            )?,
            descriptors_exhausted: counter(
                "onsale_descriptors_exhausted_total",
                "Times that a connection could not be accepted for want of a file descriptor",
            )?,
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }

    /// True once in a while, so that an attack does not fill the log.
    fn may_log(&self, logged_at_ms: &AtomicU64) -> bool {
        let now = self.now_ms();
        let last = logged_at_ms.load(Ordering::Relaxed);
        let every = u64::try_from(LOGGED_EVERY.as_millis()).unwrap_or(u64::MAX);
        (last == 0 || now.saturating_sub(last) >= every)
            && logged_at_ms
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Counts a connection as open.
    pub(super) fn opened(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// A connection that could not be accepted.
    pub(super) fn accept_failed(&self, error: &io::Error) {
        if !is_out_of_descriptors(error) {
            tracing::warn!("accept: {error}");
            return;
        }
        self.descriptors_exhausted.inc();
        self.descriptors_short_at_ms
            .store(self.now_ms(), Ordering::Relaxed);
        if self.may_log(&self.descriptors_logged_at_ms) {
            tracing::error!(
                "accept: {error}: new connections wait until a file descriptor is free; raise the \
                 limit of open files (ulimit -n, LimitNOFILE)"
            );
        }
    }

    /// A connection that was closed because its address has as many as it may have.
    pub(super) fn address_refused(&self, address: std::net::IpAddr) {
        if let Ok(counter) = self.refused.get_metric_with_label_values(&["address"]) {
            counter.inc();
        }
        if self.may_log(&self.refusals_logged_at_ms) {
            tracing::warn!(
                %address,
                "an address has http.connections_per_address_max connections open; further ones \
                 are closed at once"
            );
        }
    }

    /// Whether every connection that may be open is.
    pub(super) fn is_full(&self, full: bool) {
        let since = self.full_since_ms.load(Ordering::Relaxed);
        match (full, since) {
            (true, 0) => {
                self.full_since_ms.store(self.now_ms(), Ordering::Relaxed);
                if self.may_log(&self.fullness_logged_at_ms) {
                    tracing::warn!(
                        connections_max = self.connections_max,
                        "as many connections are open as may be; for further ones idle ones are \
                         closed, and where none is idle they wait"
                    );
                }
            }
            (false, 1..) => self.full_since_ms.store(0, Ordering::Relaxed),
            (true, 1..) | (false, 0) => {}
        }
    }

    /// What keeps clients from connecting now, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let short_at = self.descriptors_short_at_ms.load(Ordering::Relaxed);
        let reported_for = u64::try_from(REPORTED_FOR.as_millis()).unwrap_or(u64::MAX);
        if short_at != 0 && self.now_ms().saturating_sub(short_at) < reported_for {
            problems.push(
                "no file descriptor was free for a new connection: raise the limit of open files"
                    .to_owned(),
            );
        }
        if self.full_since_ms.load(Ordering::Relaxed) != 0 {
            problems.push(format!(
                "all {} connections that may be open are: idle ones are closed for new clients, \
                 which wait where none is idle",
                self.connections_max
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_connection_is_counted_until_its_task_ends_or_panics() {
        let pressure = Pressure::new(7, None).unwrap();
        let open = pressure.opened();
        assert_eq!(pressure.connections.get(), 1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _open = open;
            std::panic::resume_unwind(Box::new("in its task"));
        }));
        assert!(panicked.is_err());
        assert_eq!(pressure.connections.get(), 0);
    }

    #[test]
    fn what_the_log_says_of_one_shortage_does_not_silence_the_others() {
        let pressure = Pressure::new(7, None).unwrap();
        assert!(pressure.may_log(&pressure.refusals_logged_at_ms));
        assert!(!pressure.may_log(&pressure.refusals_logged_at_ms));
        assert!(pressure.may_log(&pressure.descriptors_logged_at_ms));
        assert!(pressure.may_log(&pressure.fullness_logged_at_ms));
    }

    #[test]
    fn clients_that_left_are_no_reason_to_pause() {
        assert!(is_the_clients(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!is_the_clients(&io::Error::from_raw_os_error(24)));
    }

    #[test]
    fn a_shortage_is_reported_while_it_lasts() {
        let pressure = Pressure::new(7, None).unwrap();
        assert!(pressure.problems().is_empty());
        pressure.accept_failed(&io::Error::from_raw_os_error(24));
        assert!(pressure.problems()[0].contains("file descriptor"));
        assert_eq!(pressure.descriptors_exhausted.get(), 1);
        pressure.is_full(true);
        assert!(pressure.problems()[1].contains("all 7 connections"));
        pressure.is_full(false);
        assert_eq!(pressure.problems().len(), 1);
    }
}
