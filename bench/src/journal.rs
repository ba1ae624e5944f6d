//! How fast the journal makes records durable, and how fast a start replays it.

mod append;
mod replay;
mod spread;
mod workload;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use spread::Spread;

/// Measures the journal: durable appends and replay.
#[derive(Args, Clone, Debug)]
pub(crate) struct JournalArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Fewer runs and records: a smoke test, not a measurement.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Folder on the disk to measure; by default a temporary one.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

/// What `--json` prints: medians over the runs.
#[derive(Serialize)]
struct Report {
    /// Records made durable per second, 128 bytes each, in batches of 256 with one sync each.
    records_per_second: f64,
    /// Commands read back and applied per second, on one thread.
    replay_commands_per_second: f64,
    /// Records read back per second, without applying them.
    scan_records_per_second: f64,
    /// Median time of a sync, in microseconds.
    fsync_p50_us: f64,
    /// 99th percentile of the time of a sync, in microseconds.
    fsync_p99_us: f64,
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    runs: usize,
    batches: usize,
    commands: usize,
}

const FULL: Size = Size {
    runs: 5,
    batches: 4_000,
    commands: 1_000_000,
};
const QUICK: Size = Size {
    runs: 3,
    batches: 300,
    commands: 50_000,
};

/// Measures and prints.
///
/// # Errors
/// When the folder cannot be used.
pub(crate) fn run(args: JournalArgs) -> anyhow::Result<()> {
    let size = if args.quick { QUICK } else { FULL };
    let folder = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("cannot create {}", dir.display()))?;
            tempfile::tempdir_in(dir)
        }
        None => tempfile::tempdir(),
    }
    .context("cannot create a folder for the journals")?;

    let mut appends = Spread::default();
    let mut syncs = append::Syncs::default();
    for run in 0..size.runs {
        let journal = folder.path().join(format!("append-{run}"));
        appends.add(append::records_per_second(
            &journal,
            size.batches,
            &mut syncs,
        )?);
        std::fs::remove_dir_all(&journal)?;
    }
    let journal = replay::Recorded::write(&folder.path().join("replay"), size.commands)?;
    let mut scans = Spread::default();
    let mut replays = Spread::default();
    for _ in 0..size.runs {
        scans.add(journal.scan_per_second()?);
        replays.add(journal.replay_per_second()?);
    }
    let (fsync_p50_us, fsync_p99_us) = syncs.percentiles_us();
    let report = Report {
        records_per_second: appends.median(),
        replay_commands_per_second: replays.median(),
        scan_records_per_second: scans.median(),
        fsync_p50_us,
        fsync_p99_us,
    };
    print(args.json, size, &report, &[appends, scans, replays])
}

#[expect(
    clippy::print_stdout,
    reason = "the result of a command goes to standard output"
)]
fn print(json: bool, size: Size, report: &Report, spreads: &[Spread; 3]) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    let [appends, scans, replays] = spreads;
    println!(
        "journal, {} runs                          min       median          max",
        size.runs
    );
    println!("durable records/s (128 B, 256 a sync) {appends}");
    println!("scanned records/s                     {scans}");
    println!("replayed commands/s (read and apply)  {replays}");
    println!(
        "fsync p50 {:.0} µs, p99 {:.0} µs",
        report.fsync_p50_us, report.fsync_p99_us
    );
    Ok(())
}
