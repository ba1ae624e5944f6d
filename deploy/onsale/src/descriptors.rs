//! Open files: how many the process may have, and how many of them are for connections.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use onsale_cluster::ProcessProbe;
use prometheus::{IntGauge, Registry};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for clients: the log, the database, snapshots, Kafka, the operations
/// listener.
pub(crate) const RESERVED: usize = 256;
/// Never more than this is requested: without a limit, tables of the system grow with it.
const RAISED_MAX: u64 = 1 << 20;
/// Fewer free descriptors than this are a problem.
const FREE_LOW: usize = 16;
/// How long a count is good.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// Where the process's descriptors are listed.
const LISTED: &str = "/proc/self/fd";

/// Raises the soft limit of open files to the hard one and returns the result.
pub(crate) fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(RAISED_MAX).min(RAISED_MAX);
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, wanted, "the limit of open files cannot be raised");
    }
    limit()
}

/// How many files the process may have open.
pub(crate) fn limit() -> usize {
    count(getrlimit(Resource::Nofile).current)
}

/// How many it may have open once [`raise`] has done its work.
pub(crate) fn limit_once_raised() -> usize {
    let limits = getrlimit(Resource::Nofile);
    count(Some(limits.maximum.unwrap_or(RAISED_MAX).min(RAISED_MAX))).max(limit())
}

fn count(limit: Option<u64>) -> usize {
    usize::try_from(limit.unwrap_or(RAISED_MAX)).unwrap_or(usize::MAX)
}

/// How many of `wanted` connections may be open with such a limit of open files.
pub(crate) fn connections(limit: usize, wanted: usize) -> usize {
    // A small limit is shared: most of it is needed for everything else.
    let reserved = RESERVED.min(limit / 4 * 3);
    wanted.min(limit.saturating_sub(reserved)).max(1)
}

/// Watches how many descriptors are in use.
#[derive(Debug)]
pub(crate) struct Descriptors {
    limit: usize,
    open: IntGauge,
    counted: Mutex<Option<(Instant, Result<usize, io::ErrorKind>)>>,
}

impl Descriptors {
    /// With its metrics in the registry.
    ///
    /// # Errors
    /// When there are such metrics already.
    pub(crate) fn watch(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let limit = limit();
        gauge(
            "onsale_descriptors_limit",
            "File descriptors that the process may have open",
        )?
        .set(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(Self {
            limit,
            open: gauge(
                "onsale_descriptors_open",
                "File descriptors that the process has open",
            )?,
            counted: Mutex::new(None),
        })
    }

    /// Brings the gauge up to date.
    pub(crate) fn refresh(&self) {
        let open = self.open_now().unwrap_or(self.limit);
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// What is wrong, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        let limit = self.limit;
        let open = match self.open_now() {
            Ok(open) => open,
            // There is no such list on every system.
            Err(io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => return None,
            Err(_) => limit,
        };
        (open + FREE_LOW > limit).then(|| {
            format!("{open} of {limit} file descriptors are in use: raise the limit of open files")
        })
    }

    fn open_now(&self) -> Result<usize, io::ErrorKind> {
        // A thread that panicked here left a count that is still right.
        let mut counted = self
            .counted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match *counted {
            Some((at, open)) if at.elapsed() < COUNTED_EVERY => open,
            _ => {
                let open = std::fs::read_dir(LISTED)
                    .map(|listed| listed.count().saturating_sub(1))
                    .map_err(|error| error.kind());
                *counted = Some((Instant::now(), open));
                open
            }
        }
    }
}

impl ProcessProbe for Descriptors {
    fn problem(&self) -> Option<String> {
        self.problem()
    }

    fn refresh_metrics(&self) {
        self.refresh();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(connections(20_000, 65_536), 20_000 - RESERVED);
        assert_eq!(connections(1_048_576, 65_536), 65_536);
        assert_eq!(connections(64, 65_536), 16);
        assert_eq!(connections(0, 10), 1);
    }

    #[test]
    fn what_is_open_is_counted() {
        let descriptors = Descriptors::watch(&Registry::new()).unwrap();
        let before = descriptors.open_now().unwrap();
        assert!(before > 2);
        assert_eq!(descriptors.problem(), None);
    }
}
