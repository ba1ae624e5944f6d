//! Runs scenarios against a target: one event loop per scenario given.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::{NS_PER_MS, NS_PER_S, RunClock};
use crate::connection::Connection;
use crate::error::LoadError;
use crate::history::History;
use crate::progress::{Progress, Published, Stop};
use crate::scenario::{Finding, Scenario};
use crate::schedule::{Pace, nanoseconds};
use crate::tally::Tally;
use crate::target::Target;
use crate::users::Users;
use crate::worker::{Ended, RunContext, Worker};

/// How often progress is reported.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Approximate number of intervals in a run's timeline.
const INTERVALS: u64 = 240;
/// Most connections: roughly the number of ports that a machine has for one server.
pub(crate) const CONNECTIONS_MAX: usize = 50_000;
/// Descriptors that a run needs besides its connections.
const DESCRIPTORS_SPARE: u64 = 256;

/// How a target is driven.
#[derive(Clone, Debug)]
pub struct DriveSettings {
    /// Where the requests go.
    pub target: Target,
    /// When they start.
    pub pace: Pace,
    /// Requests with an intended start within this time at the beginning are sent but not counted.
    pub warm_up: Duration,
    /// Connections of all threads together; one request at a time on each.
    pub connections: usize,
    /// A request without an answer this long after its intended start has failed.
    pub timeout: Duration,
    /// Where the history is recorded.
    pub history: Option<PathBuf>,
}

impl DriveSettings {
    pub(crate) fn timeout_ns(&self) -> u64 {
        nanoseconds(self.timeout)
    }

    pub(crate) fn warm_up_ns(&self) -> u64 {
        nanoseconds(self.warm_up)
    }

    /// Length of the timeline's intervals: a tenth of a second or longer.
    pub(crate) fn interval_ns(&self) -> u64 {
        let step = 100 * NS_PER_MS;
        let all = nanoseconds(self.pace.duration());
        (all / INTERVALS).div_ceil(step).max(1) * step
    }
}

/// Everything that was granted, warm-up included, for a comparison with what the server says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stock {
    /// Places of granted reservations.
    pub(crate) granted: u64,
    /// Places of cancelled ones.
    pub(crate) returned: u64,
    /// Writes without a final answer: they may have had an effect or not.
    pub(crate) unknown: u64,
    /// Answers that arrived before the end of the schedule.
    pub(crate) answered_in_time: u64,
    /// Granted ones among them.
    pub(crate) granted_in_time: u64,
}

impl Stock {
    fn merge(&mut self, other: Self) {
        self.granted += other.granted;
        self.returned += other.returned;
        self.unknown += other.unknown;
        self.answered_in_time += other.answered_in_time;
        self.granted_in_time += other.granted_in_time;
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Driven {
    /// Counts and latencies.
    pub tally: Tally,
    /// What the scenarios watched.
    pub findings: Vec<Finding>,
    /// Measured seconds: from the end of the warm-up to the end of the schedule.
    pub seconds: f64,
    /// CPU time of each thread of the generator, as a share of the run: near 1 it is the bottleneck.
    pub busy: Vec<f64>,
    pub(crate) stock: Stock,
}

impl Driven {
    /// Answers per second within the measured time.
    #[must_use]
    pub fn answered_per_second(&self) -> f64 {
        self.stock.answered_in_time as f64 / self.seconds
    }

    /// Granted requests per second within the measured time.
    #[must_use]
    pub fn granted_per_second(&self) -> f64 {
        self.stock.granted_in_time as f64 / self.seconds
    }

    /// Places of all granted reservations, warm-up included.
    #[must_use]
    pub fn places_granted(&self) -> u64 {
        self.stock.granted
    }

    /// Writes without a final answer.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.stock.unknown
    }
}

/// Runs the scenarios, one thread each, and waits for the last answer.
///
/// # Errors
/// When the target cannot be reached at the beginning, or the system refuses threads, descriptors or
/// the history's file.
pub fn drive(
    settings: &DriveSettings,
    users: &Users,
    scenarios: Vec<Box<dyn Scenario>>,
    stop: &Stop,
    watch: &mut dyn FnMut(&Progress),
) -> Result<Driven, LoadError> {
    let workers = scenarios.len();
    let connections = settings.connections.max(workers);
    if workers == 0 || connections > CONNECTIONS_MAX {
        return Err(LoadError::Setting {
            name: "connections",
            value: connections.to_string(),
            expected: format!("1 to {CONNECTIONS_MAX}"),
        });
    }
    raise_descriptor_limit(connections);
    let mut opened = open(settings, connections, workers)?;
    let history = settings
        .history
        .as_deref()
        .map(History::create)
        .transpose()?;
    let run = RunContext {
        settings,
        users,
        clock: RunClock::start(),
        stop,
    };
    let published: Vec<Published> = (0..workers).map(|_| Published::default()).collect();
    let ended = std::thread::scope(|scope| -> Result<Vec<Ended>, LoadError> {
        let mut threads = Vec::new();
        let parts = scenarios.into_iter().zip(published.iter());
        for (number, (scenario, published)) in parts.enumerate() {
            let worker = Worker::new(
                &run,
                published,
                opened.pop().unwrap_or_default(),
                scenario,
                history.as_ref().map(History::recorder),
                (number, workers),
            )?;
            let thread = std::thread::Builder::new()
                .name(format!("load-{number}"))
                .spawn_scoped(scope, move || worker.run())
                .map_err(LoadError::system("cannot start a thread"))?;
            threads.push(thread);
        }
        while !threads
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            watch(&together(&published, &run.clock));
            std::thread::sleep(WATCH_EVERY);
        }
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(LoadError::Thread)))
            .collect()
    })?;
    if let Some(history) = history {
        history.finish()?;
    }
    watch(&together(&published, &run.clock));
    Ok(settings.put_together(ended, run.clock.now()))
}

impl DriveSettings {
    fn put_together(&self, ended: Vec<Ended>, now: u64) -> Driven {
        let mut tally = Tally::new(self.interval_ns());
        let mut stock = Stock::default();
        let mut findings: Vec<Finding> = Vec::new();
        let mut busy = Vec::new();
        for part in ended {
            tally.merge(part.tally);
            stock.merge(part.stock);
            busy.push(part.busy_ns as f64 / now.max(1) as f64);
            for finding in part.findings {
                match findings
                    .iter_mut()
                    .find(|known| known.promise == finding.promise)
                {
                    Some(known) => {
                        known.looked += finding.looked;
                        known.broken += finding.broken;
                        known.example = known.example.take().or(finding.example);
                    }
                    None => findings.push(finding),
                }
            }
        }
        // A run that ended early was shorter.
        let end = nanoseconds(self.pace.duration()).min(now);
        let measured = end.saturating_sub(self.warm_up_ns()).max(1);
        Driven {
            tally,
            findings,
            seconds: measured as f64 / NS_PER_S as f64,
            busy,
            stock,
        }
    }
}

fn together(published: &[Published], clock: &RunClock) -> Progress {
    let seconds = clock.now() as f64 / NS_PER_S as f64;
    let mut all = Progress {
        seconds,
        ..Progress::default()
    };
    for part in published {
        let part = part.read(seconds);
        all.sent += part.sent;
        all.granted += part.granted;
        all.refused += part.refused;
        all.failed += part.failed;
        all.p99_ms = all.p99_ms.max(part.p99_ms);
    }
    all
}

/// All connections, distributed over the threads.
fn open(
    settings: &DriveSettings,
    connections: usize,
    workers: usize,
) -> Result<Vec<Vec<Connection>>, LoadError> {
    let mut dealt: Vec<Vec<Connection>> = (0..workers).map(|_| Vec::new()).collect();
    for number in 0..connections {
        let connection =
            Connection::open(&settings.target).map_err(|cause| settings.target.unreached(cause))?;
        if let Some(part) = dealt.get_mut(number % workers) {
            part.push(connection);
        }
    }
    Ok(dealt)
}

/// Requests as many descriptors as the run needs; if that is refused, connecting will say so.
fn raise_descriptor_limit(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(DESCRIPTORS_SPARE);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit
            .maximum
            .map_or(Some(needed), |maximum| Some(needed.min(maximum)));
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
