//! Latency at a fixed rate, counted from each request's intended start.

use std::time::Duration;

use clap::Args;
use onsale_load::ScenarioKind;

use super::{Bench, Load, Target};

#[derive(Args)]
pub(super) struct SteadyArgs {
    /// Scenario of the load generator.
    #[arg(long, default_value = "hot-zone", value_parser = ScenarioKind::parse)]
    scenario: ScenarioKind,
    /// Requests that start per second.
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Seconds of the run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
}

pub(super) fn run(bench: &Bench, args: &SteadyArgs) -> anyhow::Result<()> {
    let running = bench.running()?;
    let report = bench.load(
        running.target(),
        Load {
            scenario: args.scenario,
            per_second: args.rate.max(1),
            duration: Duration::from_secs(args.seconds.max(1)),
            warm_up: Duration::from_secs(2),
            connections: args.connections,
            users: 10_000,
        },
    )?;
    drop(running);
    bench.print(
        &[
            Target::below("p99", report.latency.p99_ms, "ms", 10.0),
            Target::below("p99.9", report.latency.p999_ms, "ms", 25.0),
            Target::exactly("failed", report.error_rate * 100.0, "%", 0.0),
        ],
        Some(&report),
    )
}
