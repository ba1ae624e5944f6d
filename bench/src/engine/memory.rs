//! Bytes per seat and per hold, and the cost of a snapshot for the sale.

use std::time::Instant;

use onsale_engine::{Limits, NullSink, Partition};
use onsale_schemas::PartitionId;

use super::latency::{clock, own_times, us};
use super::throughput::{MIX, Tally};
use super::workload::{Sells, Shape, Workload};
use super::{Size, Spread};
use crate::counting_allocator::live_bytes;

pub(super) struct Memory {
    pub(super) bytes_per_seat: f64,
    pub(super) bytes_per_hold: f64,
    pub(super) pause_ms: Spread,
    pub(super) after_max_us: f64,
    pub(super) encode_ms: Spread,
    pub(super) decode_ms: Spread,
    pub(super) image_megabytes: f64,
}

const PASSES: usize = 3;

fn apply(partition: &mut Partition, log: &super::workload::Log) {
    for entry in log.entries() {
        partition.apply(entry, &mut NullSink);
    }
}

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1_000.0
}

pub(super) fn measure(size: Size) -> anyhow::Result<Memory> {
    // Twice the seats that the holds need in the named zone, and as many in the other.
    let shows = 500;
    let seats_per_zone = u32::try_from(size.holds * 2 / 500)?;
    let mut workload = Workload::new(Shape {
        sells: Sells::Places,
        shows,
        seats_per_zone,
        seats_per_row: 25,
        holds: size.holds,
        mix: MIX,
        keyed: false,
        rush: false,
        tickets_max: 2,
    });
    let open = workload.open()?;
    let before = live_bytes();
    let mut partition = Partition::new(PartitionId(0), Limits::default());
    apply(&mut partition, &open);
    let seats = f64::from(shows) * f64::from(seats_per_zone) * 2.0;
    let bytes_per_seat = (live_bytes() - before) as f64 / seats;

    let holds = workload.holds(size.holds)?;
    let before = live_bytes();
    apply(&mut partition, &holds);
    let bytes_per_hold = (live_bytes() - before) as f64 / size.holds as f64;
    let live = partition.stats().live_holds as usize;
    anyhow::ensure!(
        live == size.holds,
        "{live} of {} holds are live",
        size.holds
    );
    drop(holds);

    let mut pauses = Vec::new();
    let mut encoded = Vec::new();
    let mut decoded = Vec::new();
    let mut image = Vec::new();
    for _ in 0..size.runs {
        let begin = Instant::now();
        let frozen = partition.clone();
        pauses.push(ms(begin));
        image.clear();
        let begin = Instant::now();
        frozen.encode_image(&mut image)?;
        encoded.push(ms(begin));
        let begin = Instant::now();
        let back = Partition::decode_image(PartitionId(0), Limits::default(), &image)?;
        decoded.push(ms(begin));
        anyhow::ensure!(
            back.digest() == partition.digest(),
            "the image lost the digest"
        );
    }
    let image_megabytes = image.len() as f64 / 1e6;
    drop(image);

    // Commands after a snapshot pay for the pages it shares.
    let log = workload.commands(size.commands.min(200_000))?;
    let mut own = Vec::new();
    for _ in 0..PASSES {
        let mut sale = partition.clone();
        let times = clock(&mut sale, &log, &mut Tally::default());
        own_times(&mut own, &times);
    }
    Ok(Memory {
        bytes_per_seat,
        bytes_per_hold,
        pause_ms: Spread::of(pauses),
        after_max_us: us(own.into_iter().max().unwrap_or(0)),
        encode_ms: Spread::of(encoded),
        decode_ms: Spread::of(decoded),
        image_megabytes,
    })
}
