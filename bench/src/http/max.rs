//! The highest throughput, and whether the projection keeps up with it.

use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use onsale_load::ScenarioKind;

use super::{Bench, Load, Target};
use crate::side::onsale::Onsale;

/// How long the projection may take to catch up before the benchmark gives up.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The projection must have caught up this long after a run at full speed, in seconds.
const CATCH_UP_WANTED_S: f64 = 10.0;

#[derive(Args)]
pub(super) struct MaxArgs {
    /// Scenario of the load generator.
    #[arg(long, default_value = "hot-zone", value_parser = ScenarioKind::parse)]
    scenario: ScenarioKind,
    /// Seconds of the run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Users that ask in turn.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
}

pub(super) fn run(bench: &Bench, args: &MaxArgs) -> anyhow::Result<()> {
    let server = bench.server(&[])?;
    let report = bench.load(
        &server.target,
        Load {
            scenario: args.scenario,
            per_second: 0,
            duration: Duration::from_secs(args.seconds.max(1)),
            warm_up: Duration::from_secs(1),
            connections: args.connections,
            users: args.users.max(1),
        },
    )?;
    let behind = server.metric("onsale_projector_lag_records")?;
    let catch_up = catch_up_seconds(&server)?;
    let batch = server.metric("onsale_journal_batch_records_sum")?
        / server
            .metric("onsale_journal_batch_records_count")?
            .max(1.0);
    let seen = |what: &str, measured: f64, unit: &'static str| Target {
        what: what.to_owned(),
        measured,
        unit,
        wanted: "-".to_owned(),
        met: true,
    };
    server.process.end()?;
    bench.print(
        &[
            seen("granted", report.granted_per_second, "/s"),
            seen("records in a sync, on average", batch, "records"),
            seen("projection behind at the end", behind, "records"),
            Target::below(
                "projection caught up after",
                catch_up,
                "s",
                CATCH_UP_WANTED_S,
            ),
        ],
        Some(&report),
    )
}

fn catch_up_seconds(server: &Onsale) -> anyhow::Result<f64> {
    let begin = Instant::now();
    while server.metric("onsale_projector_lag_records")? > 0.0 {
        if begin.elapsed() > CATCH_UP_PATIENCE {
            bail!("the projection did not catch up within {CATCH_UP_PATIENCE:?}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(begin.elapsed().as_secs_f64())
}
