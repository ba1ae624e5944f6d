//! Many readers of one show's live availability while it sells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use onsale_load::{
    Answer, Draft, DriveSettings, Method, Op, Pace, Scenario, Schedule, Stop, Users, Who, World,
    WorldSize,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Bench, Target};
use crate::side::onsale::{self, Onsale, TOKEN_TTL_S};
use crate::side::say;

/// Readers that connect at once; few enough that the backlog of the listener is not measured.
const CONNECTING_MAX: usize = 256;
/// Delays are counted in steps of a millisecond up to this value; longer ones count as this.
const DELAY_MAX_MS: usize = 60_000;
/// Versions whose time is remembered: a ring, far longer than any reader lags.
const VERSIONS: usize = 1 << 20;
/// Descriptors besides those of the readers.
const DESCRIPTORS_SPARE: u64 = 1_024;
/// Time for the last updates to arrive.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(super) struct ReadersArgs {
    /// Readers.
    #[arg(long, default_value_t = 10_000)]
    readers: usize,
    /// Changes per second.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Seconds of the run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Sell named seats: every change names its seat to every reader. Otherwise general admission,
    /// where an update is the zone's counts.
    #[arg(long)]
    named: bool,
}

/// When each version was acknowledged, and how late readers saw it.
struct Seen {
    start: Instant,
    /// Microseconds since the start, by version modulo the size of the ring; 0 when there is none.
    answered_us: Vec<AtomicU64>,
    delays: Vec<AtomicU64>,
    frames: AtomicU64,
    bytes: AtomicU64,
    ended: AtomicU64,
}

impl Seen {
    fn new() -> Self {
        let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            start: Instant::now(),
            answered_us: zeros(VERSIONS),
            delays: zeros(DELAY_MAX_MS + 1),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn of(&self, version: u64) -> Option<&AtomicU64> {
        let at = usize::try_from(version).ok()? % VERSIONS;
        self.answered_us.get(at)
    }

    fn answered(&self, version: u64) {
        if let Some(at) = self.of(version) {
            at.store(self.now_us().max(1), Ordering::Relaxed);
        }
    }

    /// A reader got a frame with everything up to `version`, having had everything up to `last`.
    fn received(&self, last: u64, version: u64) {
        let now = self.now_us();
        self.frames.fetch_add(1, Ordering::Relaxed);
        // The oldest change of the frame waited longest.
        let oldest = (last + 1..=version.min(last.saturating_add(100_000)))
            .filter_map(|version| {
                let at = self.of(version)?.load(Ordering::Relaxed);
                (at > 0).then_some(at)
            })
            .min();
        if let Some(oldest) = oldest {
            let ms = usize::try_from(now.saturating_sub(oldest) / 1_000).unwrap_or(usize::MAX);
            if let Some(count) = self.delays.get(ms.min(DELAY_MAX_MS)) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn percentile_ms(&self, share: f64) -> f64 {
        let counts: Vec<u64> = self
            .delays
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        let all: u64 = counts.iter().sum();
        let mut below = 0;
        for (ms, count) in counts.iter().enumerate() {
            below += count;
            if below as f64 >= all as f64 * share {
                return ms as f64;
            }
        }
        0.0
    }
}

impl ReadersArgs {
    /// One show with a place for each change.
    fn world(&self, changes: u64, row_seats: u64) -> WorldSize {
        WorldSize {
            shows: 1,
            seats: if self.named {
                changes.div_ceil(row_seats) * row_seats
            } else {
                0
            },
            row_seats,
            general: if self.named { 0 } else { changes + 1 },
            tickets_per_user: u16::MAX,
            hold_s: 86_400,
            has_offer: false,
        }
    }
}

pub(super) fn run(bench: &Bench, args: &ReadersArgs) -> anyhow::Result<()> {
    raise_descriptor_limit(args.readers)?;
    let server = bench.server(&[])?;
    let changes = args.rate.saturating_mul(args.seconds).max(1);
    let row_seats = 1_000;
    let size = args.world(changes, row_seats);
    let world = World::make(&[onsale::organizer(&server.target)?], &size)?;
    let show = world.shows.first().context("no show")?.clone();
    let seen = Arc::new(Seen::new());
    let path = format!("/api/v1/shows/{}/availability/stream", show.id);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // The first reader creates the view, whose cost is not that of a reader.
    let mut readers = JoinSet::new();
    runtime.block_on(connect(&server, &path, 1, &seen, &mut readers))?;
    let before = server.process.resident_bytes()?;
    say::progress(format_args!("connecting {} readers", args.readers));
    runtime.block_on(connect(&server, &path, args.readers, &seen, &mut readers))?;
    let after = server.process.resident_bytes()?;
    let selling = Selling {
        seen: Arc::clone(&seen),
        show: show.id,
        named: args.named,
        row_seats,
        turn: 0,
        users: 10_000,
    };
    let users = Users::mint(&Onsale::minter(), selling.users, TOKEN_TTL_S)?;
    let settings = DriveSettings {
        target: server.target.clone(),
        pace: Pace::Open(Schedule::constant(
            args.rate,
            Duration::from_secs(args.seconds),
        )),
        warm_up: Duration::ZERO,
        connections: 64,
        timeout: Duration::from_secs(30),
        history: None,
    };
    say::progress("selling");
    let cpu = server.process.cpu_seconds()?;
    let driven = onsale_load::drive(
        &settings,
        &users,
        vec![Box::new(selling)],
        &Stop::default(),
        &mut |_| {},
    )?;
    std::thread::sleep(SETTLE);
    let cpu = server.process.cpu_seconds()? - cpu;
    let during = server.process.resident_bytes()?;
    let ended = seen.ended.load(Ordering::Relaxed);
    runtime.shutdown_background();
    server.process.end()?;
    ensure!(
        driven.tally.not_granted() == 0,
        "{} changes were refused",
        driven.tally.not_granted()
    );
    let seen_figure = |what: &str, measured: f64, unit: &'static str| Target {
        what: what.to_owned(),
        measured,
        unit,
        wanted: "-".to_owned(),
        met: true,
    };
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / args.readers.max(1) as f64;
    bench.print(
        &[
            Target::below(
                "memory per reader, connected",
                each(after) / 1e3,
                "kB",
                20.0,
            ),
            seen_figure("memory per reader, after the run", each(during) / 1e3, "kB"),
            Target::below("update delay, p99", seen.percentile_ms(0.99), "ms", 500.0),
            seen_figure("update delay, median", seen.percentile_ms(0.5), "ms"),
            seen_figure("update delay, slowest", seen.percentile_ms(1.0), "ms"),
            Target::exactly("readers that were dropped", ended as f64, "readers", 0.0),
            seen_figure(
                "frames to readers",
                seen.frames.load(Ordering::Relaxed) as f64 / args.seconds.max(1) as f64,
                "/s",
            ),
            seen_figure(
                "bytes to readers",
                seen.bytes.load(Ordering::Relaxed) as f64 / 1e6 / args.seconds.max(1) as f64,
                "MB/s",
            ),
            seen_figure("server", cpu / args.seconds.max(1) as f64, "cores"),
            seen_figure("changes, p99", driven.tally.latency_ms(99.0), "ms"),
        ],
        None,
    )
}

/// Connects the readers and waits until each has received its first bytes.
async fn connect(
    server: &Onsale,
    path: &str,
    count: usize,
    seen: &Arc<Seen>,
    readers: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let request: Arc<str> = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\r\n",
        server.target.host
    )
    .into();
    let mut left = count;
    while left > 0 {
        let now = left.min(CONNECTING_MAX);
        left -= now;
        let mut opening = JoinSet::new();
        for _ in 0..now {
            opening.spawn(open(server.target.address, Arc::clone(&request)));
        }
        while let Some(opened) = opening.join_next().await {
            let (stream, last) = opened??;
            readers.spawn(read(stream, last, Arc::clone(seen)));
        }
    }
    Ok(())
}

async fn open(
    address: std::net::SocketAddr,
    request: Arc<str>,
) -> anyhow::Result<(TcpStream, u64)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = vec![0; 16 << 10];
    let mut last = None;
    while last.is_none() {
        let length = stream.read(&mut bytes).await?;
        ensure!(length > 0, "a reader was not let in");
        let text = bytes.get(..length).unwrap_or_default();
        ensure!(
            !text.starts_with(b"HTTP/1.1 ") || text.starts_with(b"HTTP/1.1 200"),
            "a reader was refused: {}",
            String::from_utf8_lossy(text)
        );
        last = last_version(text);
    }
    Ok((stream, last.unwrap_or(0)))
}

async fn read(mut stream: TcpStream, mut last: u64, seen: Arc<Seen>) {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let Ok(length @ 1..) = stream.read(&mut bytes).await else {
            seen.ended.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let length_u64 = u64::try_from(length).unwrap_or(0);
        seen.bytes.fetch_add(length_u64, Ordering::Relaxed);
        let text = bytes.get(..length).unwrap_or_default();
        // A truncated line is missed here; its changes then count as part of the next one.
        if let Some(version) = last_version(text).filter(|version| *version > last) {
            seen.received(last, version);
            last = version;
        }
    }
}

/// The last whole `id:` line.
fn last_version(bytes: &[u8]) -> Option<u64> {
    let mut end = bytes.len();
    loop {
        let line_end = bytes.get(..end)?.iter().rposition(|byte| *byte == b'\n')?;
        let start = bytes
            .get(..line_end)?
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = std::str::from_utf8(bytes.get(start..line_end)?).unwrap_or("");
        if let Some(version) = line
            .strip_prefix("id:")
            .and_then(|text| text.trim().parse().ok())
        {
            return Some(version);
        }
        end = line_end;
    }
}

/// Sells one place after another and notes the version of each.
struct Selling {
    seen: Arc<Seen>,
    show: String,
    named: bool,
    row_seats: u64,
    turn: u64,
    users: usize,
}

impl Scenario for Selling {
    fn next(&mut self, draft: &mut Draft) {
        let turn = self.turn;
        self.turn += 1;
        let user = usize::try_from(turn).unwrap_or(0) % self.users.max(1);
        draft.begin(Op::Reserve, Method::Post, Who::User(user));
        draft.path.push_str("/api/v1/bookings/reserve");
        draft.places = 1;
        let what = if self.named {
            let (row, seat) = (turn / self.row_seats, turn % self.row_seats + 1);
            format!(r#""seats":["R{row}-{seat}"]"#)
        } else {
            r#""quantity":1"#.to_owned()
        };
        draft.body = format!(r#"{{"show_id":"{}",{what}}}"#, self.show);
    }

    fn answered(&mut self, _draft: &Draft, answer: Option<&Answer<'_>>) {
        let version = answer
            .filter(|answer| answer.status == 201)
            .and_then(|answer| {
                let body: serde_json::Value = serde_json::from_slice(answer.body).ok()?;
                body["data"]["position"]["offset"].as_u64()
            });
        if let Some(version) = version {
            self.seen.answered(version);
        }
    }
}

fn raise_descriptor_limit(readers: usize) -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = u64::try_from(readers)?.saturating_add(DESCRIPTORS_SPARE);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        ensure!(
            limit.maximum.is_none_or(|maximum| maximum >= needed),
            "{needed} descriptors are needed; raise the hard limit (ulimit -Hn)"
        );
        limit.current = Some(needed);
        // The server inherits it.
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_version_counts() {
        let text = b"retry: 1000\n\nid: 5\nevent: state\ndata: {}\n\nid: 17\nevent: delta\n";
        assert_eq!(last_version(text), Some(17));
        assert_eq!(last_version(b"id: 5\ndata: x\n\nid: 1"), Some(5));
        assert_eq!(last_version(b"data: x\n"), None);
        assert_eq!(last_version(b""), None);
    }

    #[test]
    fn a_frame_is_as_late_as_its_oldest_change() {
        let seen = Seen::new();
        seen.answered(11);
        seen.received(10, 13);
        assert_eq!(seen.frames.load(Ordering::Relaxed), 1);
        assert!(seen.percentile_ms(1.0) < 60_000.0);
        // Nothing is known about these, so nothing is recorded.
        let before: u64 = seen.delays.iter().map(|d| d.load(Ordering::Relaxed)).sum();
        seen.received(100, 101);
        let after: u64 = seen.delays.iter().map(|d| d.load(Ordering::Relaxed)).sum();
        assert_eq!(before, after);
    }
}
