//! Ten thousand users on ten seats.

use std::time::Duration;

use onsale_load::ScenarioKind;

use super::{Bench, Load, Target};

/// Users; each asks once.
const USERS: u64 = 10_000;
/// Seconds in which they ask.
const SECONDS: u64 = 2;

pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let running = bench.running()?;
    let report = bench.load(
        running.target(),
        Load {
            scenario: ScenarioKind::LastSeats,
            per_second: USERS / SECONDS,
            duration: Duration::from_secs(SECONDS),
            warm_up: Duration::ZERO,
            connections: 256,
            users: usize::try_from(USERS)?,
        },
    )?;
    drop(running);
    let of = |name: &str| report.latency_by.get(name);
    let sold = of("reserve granted").map_or(0, |latency| latency.count);
    let refused = of("reserve refused").map_or(f64::INFINITY, |latency| latency.p99_ms);
    bench.print(
        &[
            Target::exactly("seats sold", sold as f64, "seats", 10.0),
            Target::below("refusals, p99", refused, "ms", 5.0),
            Target::exactly("failed", report.error_rate * 100.0, "%", 0.0),
        ],
        Some(&report),
    )
}
