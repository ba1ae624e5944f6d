//! Runs worlds of many seeds and says how fast, or which one is wrong and how to reproduce it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use onsale_simulation::seed::{self, Kind, Options, Stats, Violation};

/// Runs the real members, engine, codec and snapshots in worlds full of faults.
#[derive(Parser)]
struct Arguments {
    /// What kind of world.
    #[arg(long, value_enum, default_value_t = World::Cluster)]
    world: World,
    /// How many seeds.
    #[arg(long, value_parser = whole::<u64>, default_value_t = 100)]
    seeds: u64,
    /// The first one.
    #[arg(long, value_parser = whole::<u64>, default_value_t = 0)]
    from: u64,
    /// Commands of clients in each world.
    #[arg(long, value_parser = whole::<u64>, default_value_t = 10_000)]
    commands: u64,
    /// The machine version whose commands are used, 1 to 3.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3), default_value_t = 1)]
    machine_version: u16,
    /// Threads.
    #[arg(long, value_parser = whole::<u32>, default_value_t = 1)]
    threads: u32,
    /// Show the last steps before a violation.
    #[arg(long)]
    trace: bool,
    /// Do not look for a shorter history of a violation.
    #[arg(long)]
    as_is: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum World {
    /// Nodes over a shared log.
    Cluster,
    /// One process over its own journal.
    Embedded,
}

impl World {
    fn kind(self) -> Kind {
        match self {
            Self::Cluster => Kind::Cluster,
            Self::Embedded => Kind::Embedded,
        }
    }
}

fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?}: expected a whole number, as 100"))
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let totals = Mutex::new((0u64, Stats::default()));
    let violations = Mutex::new(Vec::new());
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                while !is_enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let options = Options {
                        kind: arguments.world.kind(),
                        seed,
                        commands: arguments.commands,
                        machine_version: arguments.machine_version,
                        in_words: false,
                    };
                    match seed::run(options) {
                        Ok(finished) => {
                            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                            totals.0 += 1;
                            totals.1.add(&finished.stats);
                        }
                        Err(violation) => {
                            is_enough.store(true, Ordering::Relaxed);
                            violations
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(violation);
                        }
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let (seeds, stats) = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut out = std::io::stdout().lock();
    for (name, count) in stats.all() {
        writeln!(out, "{count:>14}  {}", name.replace('_', " "))?;
    }
    writeln!(
        out,
        "{seeds} seeds without a violation in {seconds:.1} s: {:.1} seeds/s, {:.0} commands/s, \
         {:.0} records applied/s",
        seeds as f64 / seconds,
        stats.asked as f64 / seconds,
        stats.applied as f64 / seconds
    )?;
    let violations = violations
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let count = violations.len();
    for violation in violations {
        let shortest = if arguments.as_is {
            *violation
        } else {
            seed::shorten(&violation)
        };
        report(&mut out, &shortest, arguments.trace)?;
    }
    anyhow::ensure!(count == 0, "{count} worlds are wrong");
    Ok(())
}

fn report(out: &mut impl Write, violation: &Violation, with_trace: bool) -> std::io::Result<()> {
    if with_trace {
        let again = seed::run(Options {
            in_words: true,
            ..violation.options
        });
        for line in again.err().map(|again| again.lines).unwrap_or_default() {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "{violation}")
}
