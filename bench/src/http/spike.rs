//! A rate that jumps twentyfold and falls back.

use std::time::Duration;

use clap::Args;
use onsale_load::ScenarioKind;

use super::{Bench, Load, Target};

#[derive(Args)]
pub(super) struct SpikeArgs {
    /// Requests that start per second before and after the spike.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Seconds of the run; a fifth of them is the spike.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Enough that requests wait in the server, not in the client.
    #[arg(long, default_value_t = 2_000)]
    connections: usize,
}

pub(super) fn run(bench: &Bench, args: &SpikeArgs) -> anyhow::Result<()> {
    let running = bench.running()?;
    let report = bench.load(
        running.target(),
        Load {
            scenario: ScenarioKind::Spike,
            per_second: args.rate.max(1),
            duration: Duration::from_secs(args.seconds.max(1)),
            warm_up: Duration::ZERO,
            connections: args.connections,
            users: 100_000,
        },
    )?;
    drop(running);
    let recovery = report.spike.and_then(|spike| spike.recovery_ms);
    bench.print(
        &[
            Target::exactly("failed", report.error_rate * 100.0, "%", 0.0),
            Target::exactly(
                "turned away without Retry-After",
                report.shed_without_retry_after as f64,
                "answers",
                0.0,
            ),
            Target::below(
                "normal again after",
                recovery.unwrap_or(f64::INFINITY),
                "ms",
                2_000.0,
            ),
        ],
        Some(&report),
    )
}
