//! The generator against a bare hyper server: what it can do before it becomes the bottleneck
//! itself.

use std::time::Duration;

use clap::Args;

use super::Bench;
use crate::peers::ceiling;
use crate::side::say;

#[derive(Args)]
pub(super) struct CeilingArgs {
    /// Seconds of each run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
}

pub(super) fn run(bench: &Bench, args: &CeilingArgs) -> anyhow::Result<()> {
    let seconds = Duration::from_secs(args.seconds.max(1));
    let mut rows = Vec::new();
    for per_second in [0, 5_000, 10_000, 20_000] {
        let (process, driven) = ceiling::drive(per_second, seconds, args.connections)?;
        let generator: f64 = driven.busy.iter().sum();
        let server = process.cpu_seconds()? / (seconds.as_secs_f64() + ceiling::WARM_UP_S);
        process.end()?;
        let row = serde_json::json!({
            "asked_per_second": per_second,
            "answered_per_second": driven.answered_per_second(),
            "p50_ms": driven.tally.latency_ms(50.0),
            "p99_ms": driven.tally.latency_ms(99.0),
            "p999_ms": driven.tally.latency_ms(99.9),
            "generator_cores": generator,
            "server_cores": server,
        });
        if !bench.json {
            let asked = match per_second {
                0 => "as fast as answered".to_owned(),
                rate => format!("{rate}/s asked"),
            };
            say::line(format_args!(
                "{asked:<20} {:>8.0}/s  p50 {:.2} ms  p99 {:.2} ms  p99.9 {:.2} ms  generator {:.2} cores, server {server:.2}",
                driven.answered_per_second(),
                driven.tally.latency_ms(50.0),
                driven.tally.latency_ms(99.0),
                driven.tally.latency_ms(99.9),
                generator,
            ));
        }
        rows.push(row);
    }
    if bench.json {
        say::line(serde_json::to_string(&rows)?);
    }
    Ok(())
}
