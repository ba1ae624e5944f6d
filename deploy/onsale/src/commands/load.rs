//! `onsale load`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use onsale_load::{LoadError, LoadSettings, Minter, Progress, Report, ScenarioKind, Stop, Target};
use onsale_settings::Secret;
use uuid::Uuid;

use crate::cli::{
    ConfigArgs, JsonArgs, TrustArgs, parse_duration_s, parse_share, parse_uuid, parse_whole,
};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{output, secrets};

/// Users by default: enough that none reaches the limit of tickets soon.
const USERS_DEFAULT: usize = 10_000;

#[derive(Debug, Args)]
#[command(after_long_help = scenarios())]
pub(crate) struct LoadArgs {
    /// Server, such as http://127.0.0.1:8080; by TLS with https:// [default: from http.listen]
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Requests to start per second; 0: every connection sends again as soon as it is answered
    #[arg(long, value_name = "N", value_parser = parse_whole::<u64>, default_value_t = 1_000)]
    rate: u64,
    /// How long requests start
    #[arg(long, value_name = "TIME", value_parser = parse_duration_s, default_value = "10s")]
    duration: u64,
    #[arg(
        long,
        value_name = "NAME",
        value_parser = ScenarioKind::parse,
        help = format!("What is played: {}", names().join(", "))
    )]
    scenario: ScenarioKind,
    /// Connections, one request at a time on each
    #[arg(long, value_name = "N", value_parser = parse_whole::<usize>, default_value_t = 128)]
    connections: usize,
    /// Users on whose behalf requests are sent, in turn
    #[arg(long, value_name = "N", value_parser = parse_whole::<usize>, default_value_t = USERS_DEFAULT)]
    users: usize,
    /// Threads of the generator; one drives tens of thousands of requests a second
    #[arg(long, value_name = "N", value_parser = parse_whole::<usize>, default_value_t = 1)]
    threads: usize,
    /// Warm-up in seconds: requests that start in this time are sent but not counted
    #[arg(long, value_name = "SECONDS", value_parser = parse_whole::<u64>, default_value_t = 0)]
    warm_up: u64,
    /// A request without an answer this long after its intended start has failed
    #[arg(long, value_name = "TIME", value_parser = parse_duration_s, default_value = "10s")]
    timeout: u64,
    /// Sell this show instead of creating new ones
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    show: Option<Uuid>,
    /// Leave the events that were created for the run on sale instead of cancelling them at its end
    #[arg(long)]
    keep_events: bool,
    /// File with the secret that the server verifies tokens with [default: the configured one]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Seed of the scenario's choices
    #[arg(long, value_name = "N", value_parser = parse_whole::<u64>, default_value_t = 1)]
    seed: u64,
    /// Share of requests that may fail before the exit code is 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 0.0)]
    max_error_rate: f64,
    /// Share of requests that may be turned away (429, 503) before the exit code is 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value_t = 1.0)]
    max_shed_rate: f64,
    /// Also write the report as a page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Record every request and answer, one JSON object a line, for `onsale verify --history`
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn names() -> [&'static str; ScenarioKind::ALL.len()] {
    ScenarioKind::ALL.map(|kind| kind.name())
}

fn scenarios() -> String {
    let mut text = "Scenarios:\n".to_owned();
    for kind in ScenarioKind::ALL {
        text.push_str(&format!("  {:<12} {}\n", kind.name(), kind.about()));
    }
    text.push_str(
        "\nLatency counts from each request's intended start. The server verifies tokens as \
         always, so it and this command must know the same secret. Rate limits stay as they are: \
         requests are sent on behalf of many users, organizers and accounts of the payment service \
         (more --users for more requests). The events are named \"onsale load …\" and cancelled at \
         the end, unless --keep-events or --show is given.",
    );
    text
}

pub(crate) fn run(args: &LoadArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let url = args.target.clone().unwrap_or_else(|| config.server_url());
    let settings = LoadSettings {
        target: Target::parse_trusting(&url, args.trust.ca_file(&config)).map_err(failure)?,
        scenario: args.scenario,
        per_second: args.rate,
        duration: Duration::from_secs(args.duration),
        warm_up: Duration::from_secs(args.warm_up),
        connections: args.connections,
        threads: args.threads,
        users: args.users,
        timeout: Duration::from_secs(args.timeout),
        show: args.show.map(|show| show.to_string()),
        keep_events: args.keep_events,
        history: args.history.clone(),
        seed: args.seed,
    };
    let secret = match &args.secret_file {
        Some(file) => read_secret(file).or_use()?,
        None => secrets::plain_secret(&config)
            .context("no --secret-file given")
            .or_use()?,
    };
    let minter = Minter::new(secret.expose(), &config.auth.issuer, &config.auth.audience);
    let stop = Stop::default();
    stop_on_interrupt(stop.clone())?;
    let line = output::live_line();
    let mut watch = |progress: &Progress| line.set_message(shown(progress));
    let report = onsale_load::run(&settings, &minter, &stop, &mut watch).map_err(failure)?;
    line.finish_and_clear();
    if let Some(path) = &args.html {
        std::fs::write(path, report.html())
            .with_context(|| format!("cannot write {}", path.display()))
            .or_use()?;
    }
    if args.json.json {
        output::json(&report);
    } else {
        output::line(report.text().trim_end());
    }
    verdict(args, &report)
}

fn read_secret(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("--secret-file {}", file.display()))?;
    Ok(Secret::new(text.trim()))
}

fn shown(progress: &Progress) -> String {
    format!(
        "{:.0} s: {} sent, {} granted, {} refused, {} failed or turned away, p99 of the last second {:.1} ms",
        progress.seconds,
        progress.sent,
        progress.granted,
        progress.refused,
        progress.failed,
        progress.p99_ms
    )
}

/// The first Ctrl-C ends the run with a report, the second one the process.
fn stop_on_interrupt(stop: Stop) -> Result<(), Failure> {
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            // Without it interrupting ends the process without a report.
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                if tokio::signal::ctrl_c().await.is_ok() {
                    stop.stop();
                    let _ = tokio::signal::ctrl_c().await;
                    std::process::exit(130);
                }
            });
        })
        .context("cannot start a thread")
        .or_found()?;
    Ok(())
}

fn verdict(args: &LoadArgs, report: &Report) -> Result<(), Failure> {
    let failed = report.failed_checks();
    if failed > 0 {
        return Err(anyhow!("{failed} checks failed; see the report")).or_found();
    }
    for (what, flag, share, most) in [
        (
            "failed",
            "--max-error-rate",
            report.error_rate,
            args.max_error_rate,
        ),
        (
            "were turned away",
            "--max-shed-rate",
            report.shed_rate,
            args.max_shed_rate,
        ),
    ] {
        if share > most {
            return Err(anyhow!(
                "{:.3} % of the requests {what}, more than {flag} {most} allows",
                share * 100.0
            ))
            .or_found();
        }
    }
    Ok(())
}

fn failure(error: LoadError) -> Failure {
    if error.is_setting() {
        Failure::Use(error.into())
    } else if error.is_reach() {
        Failure::Reach(error.into())
    } else {
        Failure::Found(error.into())
    }
}
