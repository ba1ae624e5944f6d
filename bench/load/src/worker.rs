//! One thread of the generator: an event loop over its connections.

use std::collections::VecDeque;
use std::io;

use mio::{Events, Poll, Token};

use crate::answer;
use crate::clock::{NS_PER_MS, NS_PER_S, RunClock};
use crate::connection::{Connection, Sent, State};
use crate::draft::{Draft, Op};
use crate::drive::{DriveSettings, Stock};
use crate::error::LoadError;
use crate::history::{Recorder, Times};
use crate::progress::{Published, Stop};
use crate::scenario::{Finding, Scenario};
use crate::schedule::{Pace, nanoseconds};
use crate::tally::{Class, Tally, Unanswered, empty_histogram};
use crate::timer::Timer;
use crate::users::Users;

use std::sync::atomic::Ordering;

/// How often time-outs and broken connections are checked, and progress is published.
const SWEEP_NS: u64 = 50 * NS_PER_MS;
/// How long a run that ends early waits for requests in flight.
const STOP_GRACE_NS: u64 = 2 * NS_PER_S;
/// Due requests waiting for a connection; further ones count as never sent.
const BACKLOG_MAX: usize = 4_000_000;
/// Events taken at once.
const EVENTS_MAX: usize = 1_024;
const TIMER: Token = Token(usize::MAX);

/// What all threads of a run share.
pub(crate) struct RunContext<'a> {
    pub(crate) settings: &'a DriveSettings,
    pub(crate) users: &'a Users,
    pub(crate) clock: RunClock,
    pub(crate) stop: &'a Stop,
}

/// What a thread found.
pub(crate) struct Ended {
    pub(crate) tally: Tally,
    pub(crate) stock: Stock,
    pub(crate) findings: Vec<Finding>,
    /// CPU time in nanoseconds.
    pub(crate) busy_ns: u64,
}

pub(crate) struct Worker<'a> {
    run: &'a RunContext<'a>,
    published: &'a Published,
    poll: Poll,
    timer: Timer,
    armed_for: Option<u64>,
    connections: Vec<Connection>,
    /// Idle connections, the longest idle first; some may have broken since.
    idle: VecDeque<usize>,
    busy: usize,
    /// Intended starts of requests that wait for a connection.
    backlog: VecDeque<u64>,
    arrivals: Arrivals,
    scenario: Box<dyn Scenario>,
    recorder: Option<Recorder>,
    tally: Tally,
    stock: Stock,
    recent: hdrhistogram::Histogram<u64>,
    recent_since_ns: u64,
    scratch: Vec<u8>,
    sequence: u64,
    workers: u64,
    end_ns: u64,
    stopped_ns: Option<u64>,
}

/// This thread's share of the schedule.
struct Arrivals {
    next: u64,
    step: u64,
    at: Option<u64>,
}

impl Arrivals {
    fn advance(&mut self, pace: &Pace) {
        self.next = self.next.saturating_add(self.step);
        self.look(pace);
    }

    fn look(&mut self, pace: &Pace) {
        self.at = match pace {
            Pace::Open(schedule) => schedule.at(self.next),
            Pace::Closed(_) => None,
        };
    }
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        run: &'a RunContext<'a>,
        published: &'a Published,
        mut connections: Vec<Connection>,
        scenario: Box<dyn Scenario>,
        recorder: Option<Recorder>,
        (number, workers): (usize, usize),
    ) -> Result<Self, LoadError> {
        let poll = Poll::new().map_err(LoadError::system("cannot make an event loop"))?;
        let timer = Timer::new(&poll, TIMER).map_err(LoadError::system("cannot make a timer"))?;
        for (at, connection) in connections.iter_mut().enumerate() {
            connection
                .register(poll.registry(), Token(at))
                .map_err(LoadError::system("cannot watch a connection"))?;
        }
        let number = u64::try_from(number).unwrap_or(0);
        let workers = u64::try_from(workers).unwrap_or(1);
        let mut arrivals = Arrivals {
            next: number,
            step: workers,
            at: None,
        };
        arrivals.look(&run.settings.pace);
        Ok(Self {
            run,
            published,
            poll,
            timer,
            armed_for: None,
            idle: (0..connections.len()).collect(),
            connections,
            busy: 0,
            backlog: VecDeque::new(),
            arrivals,
            scenario,
            recorder,
            tally: Tally::new(run.settings.interval_ns()),
            stock: Stock::default(),
            recent: empty_histogram(),
            recent_since_ns: 0,
            scratch: Vec::new(),
            sequence: number,
            workers,
            end_ns: nanoseconds(run.settings.pace.duration()),
            stopped_ns: None,
        })
    }

    pub(crate) fn run(mut self) -> Result<Ended, LoadError> {
        let busy_before = thread_cpu_ns();
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut next_sweep = SWEEP_NS;
        loop {
            let now = self.run.clock.now();
            self.dispatch(now);
            if now >= next_sweep {
                self.sweep(now);
                next_sweep = now + SWEEP_NS;
            }
            if self.is_over(now) {
                break;
            }
            let wait = self.wait_ns(self.run.clock.now(), next_sweep)?;
            match self
                .poll
                .poll(&mut events, Some(std::time::Duration::from_nanos(wait)))
            {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => {
                    return Err(LoadError::System {
                        what: "polling",
                        cause,
                    });
                }
            }
            for event in &events {
                if event.token() == TIMER {
                    self.armed_for = None;
                    continue;
                }
                self.ready(event.token().0, event.is_readable(), event.is_writable());
                // Due requests do not have to wait for the answers of a whole batch.
                self.dispatch(self.run.clock.now());
            }
        }
        self.give_up_what_is_left();
        self.publish();
        let findings = self.scenario.findings();
        Ok(Ended {
            tally: self.tally,
            stock: self.stock,
            findings,
            busy_ns: thread_cpu_ns().saturating_sub(busy_before),
        })
    }

    /// How long to sleep; the timer handles what polling is too coarse for.
    fn wait_ns(&mut self, now: u64, next_sweep: u64) -> Result<u64, LoadError> {
        let sweep = next_sweep.saturating_sub(now);
        let Some(at) = self.arrivals.at.filter(|at| *at < next_sweep) else {
            return Ok(sweep);
        };
        let wait = at.saturating_sub(now);
        if wait > 0 && self.armed_for != Some(at) {
            self.timer
                .set(wait)
                .map_err(LoadError::system("cannot set a timer"))?;
            self.armed_for = Some(at);
        }
        Ok(wait)
    }

    fn is_over(&mut self, now: u64) -> bool {
        if self.stopped_ns.is_none() && self.run.stop.is_stopped() {
            self.stopped_ns = Some(now);
            self.arrivals.at = None;
            // Not sent because the run ended, so not failures.
            self.backlog.clear();
            self.end_ns = self.end_ns.min(now);
        }
        if let Some(stopped) = self.stopped_ns {
            return self.busy == 0 || now.saturating_sub(stopped) > STOP_GRACE_NS;
        }
        let nothing_to_come = match self.run.settings.pace {
            Pace::Open(_) => self.arrivals.at.is_none() && self.backlog.is_empty(),
            Pace::Closed(_) => now >= self.end_ns,
        };
        nothing_to_come && self.busy == 0
    }

    /// Sends what is due as long as there are connections.
    fn dispatch(&mut self, now: u64) {
        if self.stopped_ns.is_some() {
            return;
        }
        if matches!(self.run.settings.pace, Pace::Closed(_)) {
            while now < self.end_ns
                && let Some(at) = self.take_idle()
            {
                self.send(at, None);
            }
            return;
        }
        while let Some(at) = self.arrivals.at.filter(|at| *at <= now) {
            if self.backlog.len() < BACKLOG_MAX {
                self.backlog.push_back(at);
            } else {
                self.never_sent(at, now);
            }
            self.arrivals.advance(&self.run.settings.pace);
        }
        while let Some(intended) = self.backlog.front().copied() {
            if now.saturating_sub(intended) > self.run.settings.timeout_ns() {
                self.backlog.pop_front();
                self.never_sent(intended, now);
                continue;
            }
            let Some(at) = self.take_idle() else { return };
            self.backlog.pop_front();
            self.send(at, Some(intended));
        }
    }

    fn take_idle(&mut self) -> Option<usize> {
        loop {
            let at = self.idle.pop_front()?;
            if self.connections[at].state == State::Idle {
                return Some(at);
            }
        }
    }

    fn send(&mut self, at: usize, intended_ns: Option<u64>) {
        let connection = &mut self.connections[at];
        self.scenario.next(&mut connection.draft);
        connection.draft.write(
            &self.run.settings.target.host,
            self.run.users,
            &mut connection.output,
        );
        let sent_ns = self.run.clock.now();
        let id = self.sequence;
        self.sequence += self.workers;
        self.busy += 1;
        let sent = Sent {
            id,
            intended_ns: intended_ns.unwrap_or(sent_ns),
            sent_ns,
        };
        if connection.send(sent).is_err() {
            self.lost(at, Unanswered::Broken);
        }
        self.published.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Handles an event on a connection.
    fn ready(&mut self, at: usize, readable: bool, writable: bool) {
        let connection = &mut self.connections[at];
        match connection.state {
            State::Down => {}
            State::Connecting => match connection.connected() {
                Ok(true) => self.idle.push_back(at),
                Ok(false) => {}
                Err(_) => connection.close(),
            },
            State::Idle => {
                if readable {
                    let open = connection.receive().unwrap_or(false);
                    // The server may close an idle connection; unsolicited bytes are a protocol
                    // error.
                    if !open || connection.has_input() {
                        self.reopen(at);
                    }
                }
            }
            State::Busy => {
                if writable && connection.flush().is_err() {
                    self.lost(at, Unanswered::Broken);
                    return;
                }
                if readable {
                    self.received(at);
                }
            }
        }
    }

    fn received(&mut self, at: usize) {
        let connection = &mut self.connections[at];
        let open = connection.receive();
        let now = self.run.clock.now();
        let parsed = answer::parse(connection.input(), &mut self.scratch);
        let Ok(parsed) = parsed else {
            self.lost(at, Unanswered::Malformed);
            return;
        };
        let Some((used, answer)) = parsed else {
            if !open.unwrap_or(false) {
                self.lost(at, Unanswered::Broken);
            }
            return;
        };
        let sent = connection.sent;
        let draft = &connection.draft;
        let class = if sent.intended_ns >= self.run.settings.warm_up_ns() {
            if now <= self.end_ns {
                self.stock.answered_in_time += 1;
            }
            let class = self
                .tally
                .answered(draft.op, sent.intended_ns, sent.sent_ns, now, &answer);
            if now <= self.end_ns && class == Class::Granted {
                self.stock.granted_in_time += 1;
            }
            class
        } else {
            Class::of(answer.status)
        };
        self.stock.count(draft, class, answer.replayed);
        self.recent
            .saturating_record(now.saturating_sub(sent.intended_ns) / 1_000);
        let counter = match class {
            Class::Granted | Class::Pending => &self.published.granted,
            Class::Refused => &self.published.refused,
            Class::Shed | Class::Failed => &self.published.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.scenario.answered(draft, Some(&answer));
        if let Some(recorder) = &mut self.recorder {
            let times = times(&self.run.clock, sent, Some(now));
            let user = self.run.users.id(draft.who);
            let said = Some((answer.status, answer.body));
            recorder.record(sent.id, user, draft, times, said);
        }
        let keep = open.unwrap_or(false) && !answer.close && used == connection.input().len();
        self.busy -= 1;
        if keep {
            self.connections[at].rest();
            self.idle.push_back(at);
        } else {
            self.reopen(at);
        }
    }

    /// The request on a connection will have no answer.
    fn lost(&mut self, at: usize, why: Unanswered) {
        let now = self.run.clock.now();
        let connection = &mut self.connections[at];
        let sent = connection.sent;
        let draft = &connection.draft;
        if sent.intended_ns >= self.run.settings.warm_up_ns() {
            let waited = now.saturating_sub(sent.intended_ns);
            self.tally
                .unanswered(draft.op, sent.intended_ns, waited, why);
        }
        self.stock.unknown += u64::from(draft.op.writes());
        self.published.failed.fetch_add(1, Ordering::Relaxed);
        self.scenario.answered(draft, None);
        if let Some(recorder) = &mut self.recorder {
            let times = times(&self.run.clock, sent, None);
            recorder.record(sent.id, self.run.users.id(draft.who), draft, times, None);
        }
        self.busy -= 1;
        self.reopen(at);
    }

    fn never_sent(&mut self, intended_ns: u64, now: u64) {
        let waited = now.saturating_sub(intended_ns);
        if intended_ns >= self.run.settings.warm_up_ns() {
            self.tally
                .unanswered(Op::Unsent, intended_ns, waited, Unanswered::NeverSent);
        }
        self.published.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn reopen(&mut self, at: usize) {
        let target = &self.run.settings.target;
        self.tally.reconnects += 1;
        let connection = &mut self.connections[at];
        if connection
            .reopen(target, self.poll.registry(), Token(at))
            .is_err()
        {
            connection.close();
        }
    }

    /// Time-outs, broken connections, progress.
    fn sweep(&mut self, now: u64) {
        let timeout = self.run.settings.timeout_ns();
        for at in 0..self.connections.len() {
            let connection = &self.connections[at];
            match connection.state {
                State::Busy if now.saturating_sub(connection.sent.intended_ns) > timeout => {
                    self.lost(at, Unanswered::TimedOut);
                }
                State::Down => self.reopen(at),
                State::Connecting => {
                    // A refused connection does not always cause an event.
                    self.ready(at, false, true);
                }
                State::Busy | State::Idle => {}
            }
        }
        if now.saturating_sub(self.recent_since_ns) >= NS_PER_S {
            self.recent_since_ns = now;
            self.publish();
        }
    }

    fn publish(&mut self) {
        let p99 = self.recent.value_at_percentile(99.0);
        self.published.p99_us.store(p99, Ordering::Relaxed);
        self.recent.reset();
    }

    /// After an early end: what is still in flight has no answer.
    fn give_up_what_is_left(&mut self) {
        for at in 0..self.connections.len() {
            if self.connections[at].state == State::Busy {
                self.lost(at, Unanswered::TimedOut);
            }
        }
    }
}

fn times(clock: &RunClock, sent: Sent, answered: Option<u64>) -> Times {
    Times {
        intended_ms: clock.unix_ms_floor(sent.intended_ns),
        sent_ms: clock.unix_ms_floor(sent.sent_ns),
        answered_ms: answered.map(|at| clock.unix_ms_ceil(at)),
    }
}

fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(NS_PER_S).saturating_add(nanoseconds)
}

impl Stock {
    fn count(&mut self, draft: &Draft, class: Class, replayed: bool) {
        let places = u64::from(draft.places);
        match (draft.op, class) {
            (Op::Reserve, Class::Granted) if !replayed => self.granted += places,
            (Op::Cancel, Class::Granted) if !replayed => self.returned += places,
            (op, Class::Pending | Class::Failed) if op.writes() => self.unknown += 1,
            _ => {}
        }
    }
}
