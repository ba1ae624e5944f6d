//! The server as a separate process, over HTTP, against its targets. Each scenario can be repeated
//! alone.

mod ceiling;
mod idle;
mod max;
mod race;
mod readers;
mod scale;
mod search;
mod spike;
mod start;
mod steady;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use onsale_load::{LoadSettings, Report, ScenarioKind, Stop, Target as LoadTarget};
use serde::Serialize;

use crate::side::cluster::Cluster;
use crate::side::onsale::{self, Onsale};
use crate::side::say;

/// Options of the measurements over HTTP.
#[derive(Args)]
pub(crate) struct HttpArgs {
    #[command(subcommand)]
    what: What,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
    /// Folder on the disk to measure on; by default a temporary one.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The release binary of Onsale; built if not given and not there.
    #[arg(long, global = true, value_name = "FILE")]
    onsale: Option<PathBuf>,
    /// A cluster on Kafka (`deploy/cluster.sh`) instead of one process; for steady, race and spike.
    #[arg(long, global = true)]
    kafka: bool,
}

#[derive(Subcommand)]
enum What {
    /// What the load generator itself can do, against a bare hyper server.
    Ceiling(ceiling::CeilingArgs),
    /// The highest throughput, closed loop, and how long the projection takes to catch up.
    Max(max::MaxArgs),
    /// Latency at a fixed rate, open loop.
    Steady(steady::SteadyArgs),
    /// Ten thousand users on ten seats.
    Race,
    /// A rate that jumps twentyfold and falls back.
    Spike(spike::SpikeArgs),
    /// An idle server.
    Idle,
    /// From the start of the process to the first sale, with a large state and a long log.
    Start(start::StartArgs),
    /// Cost of a reservation over partitions, shows and users.
    Scale(scale::ScaleArgs),
    /// Many readers of one show's live availability.
    Readers(readers::ReadersArgs),
    /// Searches and suggestions over a large catalog.
    Search(search::SearchArgs),
}

/// A figure and its target.
#[derive(Debug, Serialize)]
struct Target {
    what: String,
    measured: f64,
    unit: &'static str,
    wanted: String,
    met: bool,
}

impl Target {
    fn below(what: &str, measured: f64, unit: &'static str, limit: f64) -> Self {
        Self {
            what: what.to_owned(),
            measured,
            unit,
            wanted: format!("below {limit}"),
            met: measured < limit,
        }
    }

    fn exactly(what: &str, measured: f64, unit: &'static str, value: f64) -> Self {
        Self {
            what: what.to_owned(),
            measured,
            unit,
            wanted: format!("{value}"),
            met: (measured - value).abs() < f64::EPSILON,
        }
    }
}

/// What the scenarios share.
struct Bench {
    json: bool,
    folder: tempfile::TempDir,
    onsale: Option<PathBuf>,
    kafka: bool,
}

/// The measured process; it ends when dropped.
enum Running {
    Embedded(Onsale),
    Cluster(Cluster),
}

impl Running {
    fn target(&self) -> &LoadTarget {
        match self {
            Self::Embedded(server) => &server.target,
            Self::Cluster(cluster) => &cluster.target,
        }
    }
}

impl Bench {
    /// Starts the server on a new data folder.
    fn server(&self, env: &[(&str, &str)]) -> anyhow::Result<Onsale> {
        let data = self
            .folder
            .path()
            .join(format!("data-{}", uuid::Uuid::new_v4()));
        self.server_on(&data, env)
    }

    fn server_on(&self, data: &std::path::Path, env: &[(&str, &str)]) -> anyhow::Result<Onsale> {
        Onsale::start(&onsale::binary(self.onsale.as_deref())?, data, env)
    }

    /// Starts what was requested: one process, or a cluster.
    fn running(&self) -> anyhow::Result<Running> {
        if !self.kafka {
            return Ok(Running::Embedded(self.server(&[])?));
        }
        let binary = onsale::binary(self.onsale.as_deref())?;
        Ok(Running::Cluster(Cluster::start(
            &binary,
            self.folder.path(),
        )?))
    }

    /// Runs a scenario of the load generator against a server.
    fn load(&self, target: &LoadTarget, load: Load) -> anyhow::Result<Report> {
        let settings = LoadSettings {
            target: target.clone(),
            scenario: load.scenario,
            per_second: load.per_second,
            duration: load.warm_up + load.duration,
            warm_up: load.warm_up,
            connections: load.connections,
            threads: 1,
            users: load.users,
            timeout: Duration::from_secs(30),
            show: None,
            keep_events: true,
            history: None,
            seed: 1,
        };
        let minter = Onsale::minter();
        let stop = Stop::default();
        let report = onsale_load::run(&settings, &minter, &stop, &mut |_| {})?;
        match report.checks.iter().find(|check| !check.passed) {
            Some(broken) => bail!("{}: {}", broken.name, broken.detail),
            None => Ok(report),
        }
    }

    /// Prints figures with their targets, and other observations.
    fn print(&self, targets: &[Target], report: Option<&Report>) -> anyhow::Result<()> {
        if self.json {
            let all = serde_json::json!({ "targets": targets, "report": report });
            say::line(all);
            return Ok(());
        }
        if let Some(report) = report {
            say::line(report.text().trim_end());
        }
        for target in targets {
            let verdict = if target.met { "met" } else { "MISSED" };
            say::line(format_args!(
                "{:<52} {:>12.2} {:<10} wanted: {:<16} {verdict}",
                target.what, target.measured, target.unit, target.wanted
            ));
        }
        Ok(())
    }
}

/// A load of [`Bench::load`].
#[derive(Clone, Copy)]
struct Load {
    scenario: ScenarioKind,
    /// 0: closed loop.
    per_second: u64,
    duration: Duration,
    warm_up: Duration,
    connections: usize,
    users: usize,
}

/// Measures and prints.
///
/// # Errors
/// When something cannot be started, or what was sold is not what was granted.
pub(crate) fn run(args: &HttpArgs) -> anyhow::Result<()> {
    let folder = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            tempfile::tempdir_in(dir)
        }
        None => tempfile::tempdir(),
    }
    .context("cannot create a folder for the server's data")?;
    let bench = Bench {
        json: args.json,
        folder,
        onsale: args.onsale.clone(),
        kafka: args.kafka,
    };
    match &args.what {
        What::Ceiling(args) => ceiling::run(&bench, args),
        What::Max(args) => max::run(&bench, args),
        What::Steady(args) => steady::run(&bench, args),
        What::Race => race::run(&bench),
        What::Spike(args) => spike::run(&bench, args),
        What::Idle => idle::run(&bench),
        What::Start(args) => start::run(&bench, args),
        What::Scale(args) => scale::run(&bench, args),
        What::Readers(args) => readers::run(&bench, args),
        What::Search(args) => search::run(&bench, args),
    }
}
