//! The slowest single command.
//!
//! Timing a command also shows when the system took the core away. So the same log is applied
//! several times, and a command's own time is its fastest: the machine does the same work each
//! time, the system does not.

use std::time::Instant;

use onsale_engine::{Limits, Partition};
use onsale_schemas::command::{Admission, BlockPlaces, Currency, OpenShow, SeatBlock, ZoneLayout};
use onsale_schemas::{Command, Entry, Envelope, EventId, PartitionId, ShowId, codec};

use super::Size;
use super::throughput::{CHUNK_COMMANDS, MIX, Tally, apply};
use super::workload::{Log, Sells, Shape, Workload};

const PASSES: usize = 3;

pub(super) struct Latency {
    pub(super) p50_us: f64,
    pub(super) p99_99_us: f64,
    pub(super) max_us: f64,
    pub(super) own_max_us: f64,
    pub(super) slowest: String,
    /// Commands at the limits of the wire format.
    pub(super) large: Vec<(&'static str, f64)>,
}

/// Times of every record of a log, in nanoseconds.
pub(super) fn clock(partition: &mut Partition, log: &Log, tally: &mut Tally) -> Vec<u64> {
    let mut times = Vec::with_capacity(log.len());
    for entry in log.entries() {
        let begin = Instant::now();
        partition.apply(entry, tally);
        times.push(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    times
}

/// The fastest of each record's times.
pub(super) fn own_times(own: &mut Vec<u64>, times: &[u64]) {
    if own.is_empty() {
        own.extend_from_slice(times);
    }
    for (own, &time) in own.iter_mut().zip(times) {
        *own = time.min(*own);
    }
}

pub(super) fn us(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1_000.0
}

pub(super) fn measure(size: Size) -> anyhow::Result<Latency> {
    let shape = Shape {
        sells: Sells::Places,
        shows: 1_000,
        seats_per_zone: 2_000,
        seats_per_row: 25,
        holds: size.holds / 4,
        mix: MIX,
        keyed: true,
        rush: false,
        tickets_max: 4,
    };
    let mut workload = Workload::new(shape);
    let open = workload.open()?;
    let logs = (0..size.commands.div_ceil(CHUNK_COMMANDS))
        .map(|_| workload.commands(CHUNK_COMMANDS))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut own = Vec::new();
    let mut all = Vec::new();
    for _ in 0..PASSES {
        let mut partition = Partition::new(PartitionId(0), Limits::default());
        let mut tally = Tally::default();
        apply(&mut partition, &open, &mut tally);
        let mut times = Vec::new();
        for log in &logs {
            times.extend(clock(&mut partition, log, &mut tally));
        }
        own_times(&mut own, &times);
        all.extend(times);
    }
    all.sort_unstable();
    let at = |share: f64| us(all[index(all.len(), share)]);
    let slowest = (0..own.len()).max_by_key(|&i| own[i]).unwrap_or(0);
    Ok(Latency {
        p50_us: at(0.5),
        p99_99_us: at(0.9999),
        max_us: us(all.last().copied().unwrap_or(0)),
        own_max_us: us(own[slowest]),
        slowest: describe(&logs, slowest),
        large: large()?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index below the length"
)]
fn index(length: usize, share: f64) -> usize {
    (((length - 1) as f64) * share) as usize
}

fn describe(logs: &[Log], number: usize) -> String {
    let entry = logs.iter().flat_map(Log::entries).nth(number);
    let command = entry
        .and_then(|entry| codec::decode::<Envelope>(entry.payload).ok())
        .map(|envelope| format!("{:?}", envelope.command));
    let name: String = command
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    format!("record {number}, a {name}")
}

/// The largest show, the longest block, and the cancellation of a large show, each by its own time.
fn large() -> anyhow::Result<Vec<(&'static str, f64)>> {
    let show = ShowId::from_bytes([1; 16]);
    let zone = ZoneLayout {
        unit_price: 1,
        currency: Currency(*b"THB"),
        admission: Admission::Seated {
            rows: vec![50; 1_000],
        },
    };
    let commands = [
        (
            "open 250,000 seats",
            Command::OpenShow(OpenShow {
                show,
                event: EventId::from_bytes([1; 16]),
                max_tickets_per_user: 0,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: u64::MAX,
                hold_ms: 600_000,
                zones: vec![zone; 5],
            }),
        ),
        (
            "block 10,000 seats",
            Command::Block(SeatBlock {
                show,
                zone: 0,
                places: BlockPlaces::Seats((0..10_000).collect()),
            }),
        ),
        ("cancel 250,000 seats", Command::CancelShow { show }),
    ];
    let mut own = Vec::new();
    for _ in 0..PASSES {
        let mut partition = Partition::new(PartitionId(0), Limits::default());
        let mut tally = Tally::default();
        let mut times = Vec::new();
        for (offset, (_, command)) in (0..).zip(&commands) {
            let payload = codec::encode(&Envelope::machine(command.clone()))?;
            let begin = Instant::now();
            partition.apply(
                Entry {
                    offset,
                    log_time_ms: 1,
                    payload: &payload,
                },
                &mut tally,
            );
            times.push(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        own_times(&mut own, &times);
    }
    Ok(commands
        .iter()
        .zip(own)
        .map(|((name, _), time)| (*name, us(time)))
        .collect())
}
