//! Whether a command's cost depends on the size of the state.

use onsale_engine::{Limits, Partition};
use onsale_schemas::PartitionId;

use super::throughput::{CHUNK_COMMANDS, Tally, apply};
use super::workload::{Mix, Sells, Shape, Workload};
use super::{Size, Spread};

/// One quantity from small to large.
pub(super) struct Table {
    pub(super) key: &'static str,
    pub(super) what: &'static str,
    /// Scale and nanoseconds per command.
    pub(super) rows: Vec<(u64, Spread)>,
}

impl Table {
    pub(super) fn ratio(&self) -> f64 {
        let medians = || self.rows.iter().map(|(_, spread)| spread.median);
        medians().fold(0.0, f64::max) / medians().fold(f64::INFINITY, f64::min)
    }
}

/// In balance: as many seats come back as are sold, so that it can run forever.
const MIX: Mix = Mix {
    reserve: 50,
    confirm: 20,
    give_back: 20,
    release: 10,
};

const BASE: Shape = Shape {
    sells: Sells::Places,
    shows: 10,
    seats_per_zone: 5_000,
    seats_per_row: 25,
    holds: 1_000,
    mix: MIX,
    keyed: false,
    rush: false,
    tickets_max: 2,
};

pub(super) fn measure(size: Size) -> anyhow::Result<Vec<Table>> {
    let largest = if size.holds >= 1_000_000 { 4 } else { 3 };
    let mut tables = Vec::new();
    let mut table = |key, what, shape: &dyn Fn(u64) -> Shape, scales: &[u64]| {
        let rows = scales
            .iter()
            .map(|&scale| Ok((scale, one(size, shape(scale))?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        tables.push(Table { key, what, rows });
        anyhow::Ok(())
    };
    let scales = [1_000, 10_000, 100_000, 1_000_000];
    table(
        "seats",
        "seats of one sale (up to ten shows)",
        &|seats| {
            let shows = seats.div_ceil(100_000);
            Shape {
                shows: small(shows),
                seats_per_zone: small(seats / shows / 2),
                holds: 100,
                ..BASE
            }
        },
        &scales[..largest],
    )?;
    table(
        "shows",
        "shows of 100 seats and general admission",
        &|shows| Shape {
            shows: small(shows),
            seats_per_zone: 2_000.max(50_000 / small(shows)),
            holds: 1_000,
            ..BASE
        },
        &[1, 10, 100, 1_000, 10_000][..=largest],
    )?;
    table(
        "holds",
        "live holds (and as many ended and sold ones)",
        &|holds| Shape {
            shows: 200,
            seats_per_zone: 20_000,
            holds: usize::try_from(holds).unwrap_or(usize::MAX),
            ..BASE
        },
        &scales[..largest],
    )?;
    Ok(tables)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn one(size: Size, shape: Shape) -> anyhow::Result<Spread> {
    let mut workload = Workload::new(shape);
    let mut partition = Partition::new(PartitionId(0), Limits::default());
    let mut tally = Tally::default();
    apply(&mut partition, &workload.open()?, &mut tally);
    // A hold lives for about six times as many commands as there are holds.
    let mut warm = 0;
    while warm < 6 * shape.holds + CHUNK_COMMANDS {
        apply(
            &mut partition,
            &workload.commands(CHUNK_COMMANDS)?,
            &mut tally,
        );
        warm += CHUNK_COMMANDS;
    }
    let mut runs = Vec::new();
    tally = Tally::default();
    for _ in 0..size.runs {
        let log = workload.commands(CHUNK_COMMANDS)?;
        runs.push(apply(&mut partition, &log, &mut tally) * 1e9 / log.len() as f64);
    }
    // With few seats, some requests are in vain: that is what a sale of few seats is like.
    anyhow::ensure!(
        tally.refused * 4 < tally.records,
        "{} of {} commands were refused: the workload is not as described",
        tally.refused,
        tally.records
    );
    Ok(Spread::of(runs))
}
