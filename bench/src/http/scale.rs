//! What a reservation costs as partitions, shows and users grow: the same closed loop against a new
//! server each time, the sizes in turn.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::Bench;
use crate::side::job::{self, ClosedLoop};
use crate::side::onsale::Onsale;
use crate::side::say;
use crate::spread::Spread;

const WARM_UP: Duration = Duration::from_secs(1);
/// The first request for a show reads its chart from the database, which later requests do not:
/// this many shows are requested per second of the warm-up.
const SHOWS_WARMED_PER_SECOND: u64 = 2_000;
const MICROSECONDS: f64 = 1e6;

#[derive(Args)]
pub(super) struct ScaleArgs {
    /// How often each size is measured; the sizes take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that each is measured in a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
}

/// What grows, one thing at a time.
#[derive(Clone, Copy, Debug, Serialize)]
struct Size {
    partitions: u16,
    shows: usize,
    users: usize,
}

/// The middle of everything; 64 shows, so that 64 partitions all have one.
const MIDDLE: Size = Size {
    partitions: 8,
    shows: 64,
    users: 10_000,
};
const PARTITIONS: [u16; 4] = [1, 4, 16, 64];
const SHOWS: [usize; 3] = [1, 100, 10_000];
const USERS: [usize; 3] = [1_000, 100_000, 1_000_000];

/// One size and its rounds.
#[derive(Debug)]
struct Rounds {
    size: Size,
    per_second: Vec<f64>,
    server_us: Vec<f64>,
}

/// What is printed of one size.
#[derive(Debug, Serialize)]
struct Cost {
    #[serde(flatten)]
    size: Size,
    per_second: Spread,
    server_us: Spread,
}

pub(super) fn run(bench: &Bench, args: &ScaleArgs) -> anyhow::Result<()> {
    let how = ClosedLoop {
        warm_up: WARM_UP,
        measured: Duration::from_secs(args.seconds.max(1)),
        in_flight: args.connections.max(1),
    };
    let mut all: Vec<Rounds> = sizes()
        .map(|size| Rounds {
            size,
            per_second: Vec::new(),
            server_us: Vec::new(),
        })
        .collect();
    for round in 0..args.rounds.max(1) {
        for rounds in &mut all {
            let (per_second, server_us) = measure(bench, how, rounds.size)?;
            rounds.per_second.push(per_second);
            rounds.server_us.push(server_us);
            let Size {
                partitions,
                shows,
                users,
            } = rounds.size;
            say::progress(format_args!(
                "round {}: {partitions} partitions, {shows} shows, {users} users: \
                 {per_second:.0}/s, {server_us:.1} us of the server",
                round + 1
            ));
        }
    }
    let costs: Vec<Cost> = all
        .into_iter()
        .map(|rounds| Cost {
            size: rounds.size,
            per_second: Spread::of(rounds.per_second),
            server_us: Spread::of(rounds.server_us),
        })
        .collect();
    if bench.json {
        say::line(serde_json::json!({ "costs": costs }));
        return Ok(());
    }
    for cost in costs {
        say::line(format_args!(
            "{:>3} partitions {:>6} shows {:>8} users   granted/s: {}   server, us each: {}",
            cost.size.partitions, cost.size.shows, cost.size.users, cost.per_second, cost.server_us
        ));
    }
    Ok(())
}

fn sizes() -> impl Iterator<Item = Size> {
    let partitions = PARTITIONS.iter().map(|&partitions| Size {
        partitions,
        ..MIDDLE
    });
    let shows = SHOWS.iter().map(|&shows| Size { shows, ..MIDDLE });
    let users = USERS.iter().map(|&users| Size { users, ..MIDDLE });
    partitions.chain(shows).chain(users)
}

/// Grants per second, and microseconds of CPU that the server spent on each, including the
/// projection as far as it got.
fn measure(bench: &Bench, how: ClosedLoop, size: Size) -> anyhow::Result<(f64, f64)> {
    let partitions = size.partitions.to_string();
    let server = bench.server(&[("ONSALE_LOG__PARTITIONS", &partitions)])?;
    let users = Onsale::users(size.users)?;
    let on_sale = job::put_on_sale(&server.target, size.shows)?;
    let shows = u64::try_from(size.shows).unwrap_or(0);
    let warming = ClosedLoop {
        warm_up: Duration::ZERO,
        measured: how.warm_up + Duration::from_secs(shows / SHOWS_WARMED_PER_SECOND),
        ..how
    };
    let warmed = job::ask(warming, &server.target, &users, &on_sale.zones)?;
    let measured = ClosedLoop {
        warm_up: Duration::ZERO,
        ..how
    };
    let before = server.process.cpu_seconds()?;
    let driven = job::ask(measured, &server.target, &users, &on_sale.zones)?;
    let spent = server.process.cpu_seconds()? - before;
    on_sale.check(warmed.places_granted() + driven.places_granted())?;
    server.process.end()?;
    let each = spent / driven.places_granted().max(1) as f64;
    Ok((driven.granted_per_second(), each * MICROSECONDS))
}
