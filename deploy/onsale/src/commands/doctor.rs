//! `onsale doctor`

mod cluster;
mod connections;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use onsale_cluster::http_client;
use onsale_counts::Counts;
use onsale_log::journal::Journal;
use onsale_log::{EntryBatch, LogReader};
use onsale_processor::clock;
use onsale_processor::fit::Misfit;
use onsale_schemas::PartitionId;
use onsale_snapshot::directory::Directory;
use onsale_store::Store;
use serde::Serialize;

use crate::cli::{ConfigArgs, JsonArgs, TrustArgs};
use crate::client;
use crate::config::Config;
use crate::exit::Failure;
use crate::{database_fit, descriptors, output, private};

/// Less free space than this is a warning, in bytes.
const FREE_LOW_BYTES: u64 = 1 << 30;
/// Less than this is a failure, in bytes: two default segments.
const FREE_MIN_BYTES: u64 = 32 << 20;
/// How long Redis may take to answer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);
const SILENT_REDIS: &str =
    "it does not answer (nor would one without TLS that is asked by rediss://)";
const WITHOUT_REDIS: &str = "start it, or correct redis.url; sales go on without it, and it is filled \
     again";
const SALES_GO_ON: &str = "the server sells meanwhile; deploy/README.md, \"At three in the morning\", \
     says what to do about each problem";
const NOT_READY: &str = "mend what it names: the server continues by itself, or its log says that it \
     has to be started again";
/// A log that is this far ahead of the clock shows that one of them was wrong, in milliseconds.
const CLOCK_BEHIND_MAX_MS: u64 = clock::LEAP_MAX_MS;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

/// One thing looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do, where something is not right.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self {
            name,
            verdict: Verdict::Warning,
            found: found.into(),
            advice,
        }
    }

    fn failed(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self {
            name,
            verdict: Verdict::Failed,
            found: found.into(),
            advice,
        }
    }
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut checks = Vec::new();
    match Config::for_operator(&args.config) {
        Ok(config) => {
            checks.push(configuration(&args.config));
            permissions(&config, &mut checks);
            checks.push(open_files(&config));
            listeners(&config, &mut checks);
            connections::look(&config, &mut checks);
            if config.kafka.is_used() {
                // Every node has its own folder and reports it; this machine may not be a node.
                if config.data.dir.exists() {
                    folder(&config.data.dir, &mut checks);
                }
                cluster::look(&config, &mut checks);
            } else {
                folder(&config.data.dir, &mut checks);
                log(&config, &mut checks);
                snapshots(&config, &mut checks);
            }
            client::block_on(async {
                database(&config, &mut checks).await;
                if !config.kafka.is_used() && !checks.iter().any(|check| check.name == "log") {
                    checks.push(no_log(&config).await);
                }
                if config.kafka.is_used() {
                    redis(&config, &mut checks).await;
                }
                server(&config, &args.trust, &mut checks).await;
                if config.kafka.is_used() {
                    cluster::look_at_projection(&config, &mut checks).await;
                }
                Ok(())
            })?;
        }
        Err(failure) => checks.push(Check::failed(
            "configuration",
            of_configuration(&failure),
            "correct the value; `onsale config print` shows the configuration",
        )),
    }
    let worst = checks.iter().any(|check| check.verdict == Verdict::Failed);
    if args.json.json {
        output::json(&serde_json::json!({ "ok": !worst, "checks": checks }));
    } else {
        for check in &checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Failed => "FAILED ",
            };
            output::line(format_args!("{mark}  {}: {}", check.name, check.found));
            if let Some(advice) = &check.advice {
                output::line(format_args!("         → {advice}"));
            }
        }
    }
    if worst {
        return Err(Failure::Found(anyhow::anyhow!(
            "the doctor found something"
        )));
    }
    Ok(())
}

fn configuration(args: &ConfigArgs) -> Check {
    match Config::for_server(args) {
        Ok(_) => Check::ok("configuration", "fine"),
        Err(failure) => Check::warning(
            "configuration",
            of_configuration(&failure),
            "`onsale serve` needs it; `onsale dev` makes its own key",
        ),
    }
}

/// A failure under a heading that says already what it is about.
fn of_configuration(failure: &Failure) -> String {
    let text = failure.to_string();
    text.strip_prefix("configuration: ")
        .map_or_else(|| text.clone(), str::to_owned)
}

fn folder(dir: &Path, checks: &mut Vec<Check>) {
    if !dir.exists() {
        checks.push(Check::warning(
            "data folder",
            format!("{} does not exist yet", dir.display()),
            "the first start creates it; if you expected data there, check data.dir",
        ));
        return;
    }
    let probe = dir.join(".doctor");
    match std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => checks.push(Check::ok(
            "data folder",
            format!("{} can be written", dir.display()),
        )),
        Err(error) => checks.push(Check::failed(
            "data folder",
            format!("{} cannot be written: {error}", dir.display()),
            "give the user of the server write access",
        )),
    }
    match rustix::fs::statvfs(dir) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MiB free", free >> 20);
            checks.push(if free < FREE_MIN_BYTES {
                Check::failed(
                    "disk",
                    found,
                    "free space: the log cannot grow and answers 503",
                )
            } else if free < FREE_LOW_BYTES {
                Check::warning("disk", found, "free space, or set log.retention_hours")
            } else {
                Check::ok("disk", found)
            });
        }
        Err(error) => checks.push(Check::warning("disk", error.to_string(), "check the mount")),
    }
}

/// Whether other users of this machine can read the server's files.
fn permissions(config: &Config, checks: &mut Vec<Check>) {
    let dir = &config.data.dir;
    let open = private::open_in(dir);
    let secrets = private::readable_secrets(config);
    if let Some((first, _)) = open.first() {
        checks.push(Check::warning(
            "permissions",
            format!(
                "{} files and folders in {} are open to other users, {} among them",
                open.len(),
                dir.display(),
                first.display()
            ),
            format!("chmod -R go= {}; the next start does it too", dir.display()),
        ));
    }
    for file in &secrets {
        checks.push(Check::warning(
            "permissions",
            format!("every user of this machine can read {}", file.display()),
            "chmod 600 it, and give it to the user of the server",
        ));
    }
    if open.is_empty() && secrets.is_empty() {
        checks.push(Check::ok(
            "permissions",
            "data and keys are closed to others",
        ));
    }
}

/// Whether the configured number of connections fits into this system's limit of open files.
fn open_files(config: &Config) -> Check {
    let limit = descriptors::limit_once_raised();
    let wanted = config.http.connections_max;
    let fitting = descriptors::connections(limit, wanted);
    let found = format!(
        "{limit} may be open, {} are reserved for the server itself",
        descriptors::RESERVED
    );
    if fitting == wanted {
        return Check::ok("open files", found);
    }
    Check::warning(
        "open files",
        format!(
            "{found}: {fitting} connections at once instead of http.connections_max = {wanted}"
        ),
        "raise the hard limit where the server is started (ulimit -Hn, LimitNOFILE), or lower \
         http.connections_max",
    )
}

/// Who can reach what is not public.
fn listeners(config: &Config, checks: &mut Vec<Check>) {
    let http = &config.http;
    if config.is_open_to_all() {
        checks.push(Check::warning(
            "http.listen",
            format!("{} without TLS: tokens pass unencrypted", http.listen),
            "set http.tls_certificate_file, or put a proxy with TLS in front",
        ));
    }
    if config.kafka.is_used() {
        for problem in config.advertised_problems() {
            checks.push(Check::warning(
                "addresses",
                format!(
                    "{} is {}: other nodes cannot reach it",
                    problem.key, problem.value
                ),
                format!("expected {}", problem.expected),
            ));
        }
    }
}

fn log(config: &Config, checks: &mut Vec<Check>) {
    let dir = config.journal_dir();
    // Whether one was lost is known once the database was looked at.
    if !Journal::is_there(&dir) {
        return;
    }
    let journal = match Journal::open_read_only(&dir) {
        Ok(journal) => journal,
        Err(error) => {
            checks.push(Check::failed(
                "log",
                error.to_string(),
                "do not delete anything; restore the file from a copy, or ask for help with the \
                 whole message",
            ));
            return;
        }
    };
    if journal.partitions() != config.log.partitions {
        checks.push(Check::failed(
            "log",
            format!(
                "created with {} partitions, configured {}",
                journal.partitions(),
                config.log.partitions
            ),
            format!(
                "set log.partitions = {}: the number is frozen",
                journal.partitions()
            ),
        ));
    }
    let mut reader = journal.reader();
    let (mut records, mut last_ms) = (0, 0);
    let mut batch = EntryBatch::default();
    for partition in (0..journal.partitions()).map(PartitionId) {
        let read = reader.bounds(partition).and_then(|(first, end)| {
            records += end - first;
            reader.read(partition, end.saturating_sub(1).max(first), 1, &mut batch)
        });
        match read {
            Ok(()) => {
                last_ms = batch
                    .iter()
                    .map(|entry| entry.log_time_ms)
                    .fold(last_ms, u64::max)
            }
            Err(error) => checks.push(Check::failed(
                "log",
                error.to_string(),
                "do not delete anything; `onsale verify` reads the whole log and says where it is \
                 damaged",
            )),
        }
    }
    checks.push(Check::ok(
        "log",
        format!(
            "{} in {}, its end is readable",
            output::count(records, "record"),
            output::count(journal.partitions(), "partition")
        ),
    ));
    let ahead_ms = last_ms.saturating_sub(clock::now_ms());
    checks.push(if ahead_ms > CLOCK_BEHIND_MAX_MS {
        Check::failed(
            "clock",
            format!("{ahead_ms} ms behind the last record of the log"),
            "if the clock is wrong, set it (NTP) and start the server again; if it is right, the log \
             was written by a wrong one: `onsale clock reset` takes machine time back",
        )
    } else {
        Check::ok("clock", "not behind the log")
    });
}

/// Where there is no log in the data folder, and the database does not say that there was one.
async fn no_log(config: &Config) -> Check {
    match database_fit::look_for_lost_log(config, None).await {
        Ok(Some(lost)) => misfits("there is none", &lost),
        _ => Check::warning(
            "log",
            format!("there is none in {} yet", config.data.dir.display()),
            "the first start creates it; if you expected one there, check data.dir",
        ),
    }
}

fn snapshots(config: &Config, checks: &mut Vec<Check>) {
    let dir = config.snapshots_dir();
    if !dir.exists() {
        checks.push(Check::ok("snapshots", "none yet"));
        return;
    }
    let result = Directory::open_read_only(&dir).and_then(|directory| directory.verify_all());
    match result {
        Ok(found) => {
            let bad: Vec<String> = found
                .iter()
                .filter_map(|(file, result)| {
                    result
                        .as_ref()
                        .err()
                        .map(|error| format!("{}: {error}", file.display()))
                })
                .collect();
            checks.push(if bad.is_empty() {
                Check::ok(
                    "snapshots",
                    match found.len() {
                        0 => "none yet".to_owned(),
                        1 => "the only one can be read".to_owned(),
                        all => format!("all {all} can be read"),
                    },
                )
            } else {
                Check::warning(
                    "snapshots",
                    bad.join("; "),
                    "a start takes an older one; delete the damaged file once a new one is cut",
                )
            });
        }
        Err(error) => checks.push(Check::failed(
            "snapshots",
            error.to_string(),
            "check the folder",
        )),
    }
}

async fn database(config: &Config, checks: &mut Vec<Check>) {
    let url = match config.database_url() {
        Ok(url) => url,
        Err(failure) => {
            checks.push(Check::failed(
                "database",
                failure.to_string(),
                "correct that setting",
            ));
            return;
        }
    };
    if let Some(path) = url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        match database_fit::look(config, None).await {
            Ok(Some(misfit)) => checks.push(misfits("there is no SQLite file", &misfit)),
            _ => checks.push(Check::ok(
                "database",
                "no SQLite file yet; the first start creates it",
            )),
        }
        return;
    }
    let store = match Store::connect(&url, 2).await {
        Ok(store) => store,
        Err(error) => {
            checks.push(Check::failed(
                "database",
                error.to_string(),
                "start it or correct database.url; a running server sells without it",
            ));
            return;
        }
    };
    connections::look_at_database(&store, checks).await;
    if let Err(error) = store.check_schema().await {
        // An empty one under a log that has sold was lost: tables alone would not bring it back.
        let is_there = store.has_schema().await.unwrap_or(true);
        checks.push(match database_fit::look(config, Some(&store)).await {
            Ok(Some(misfit)) if !is_there => misfits("there are no tables", &misfit),
            _ => Check::failed("database", error.to_string(), "run `onsale migrate`"),
        });
        return;
    }
    checks.push(match database_fit::look(config, Some(&store)).await {
        Ok(None) => Check::ok("database", "reached, schema up to date"),
        Ok(Some(misfit @ (Misfit::SchemaLacks { .. } | Misfit::ZonesLack { .. }))) => {
            misfits("reached, but something was deleted by hand", &misfit)
        }
        Ok(Some(misfit)) => misfits("reached, but not of this log as it is", &misfit),
        Err(error) => Check::warning(
            "database",
            format!("reached; whether it is of this log is not known: {error}"),
            "look again; if that says the same, `onsale verify` compares it with the log",
        ),
    });
}

fn misfits(found: &str, misfit: &Misfit) -> Check {
    let (name, found) = match misfit {
        Misfit::LogLost { .. } => ("log", "it was lost"),
        Misfit::SnapshotAhead { .. } => ("log", "it is shorter than it was"),
        Misfit::OtherSnapshots { .. } => ("snapshots", "they are of another log"),
        _ => ("database", found),
    };
    Check::failed(name, found, misfit.to_string())
}

/// The problem when a server answers that does not belong to the data folder.
fn of_another_folder(config: &Config, base: &str) -> Option<Check> {
    // Nodes of a cluster have folders of their own, and their log is not in them.
    if config.kafka.is_used() || Journal::is_in_use(&config.journal_dir()) {
        return None;
    }
    Some(Check::failed(
        "server",
        format!(
            "one answers at {base}, and it does not serve {}",
            config.data.dir.display()
        ),
        "name the folder of that server (--data, data.dir), or the address of the one that serves \
         this folder (http.listen)",
    ))
}

async fn server(config: &Config, trust: &TrustArgs, checks: &mut Vec<Check>) {
    let base = config.server_url();
    let http = match trust.client(config) {
        Ok(http) => http,
        Err(failure) => {
            let advice = "correct --ca, or http.tls_ca_file";
            checks.push(Check::failed("server", failure.to_string(), advice));
            return;
        }
    };
    let request = http
        .get(format!("{base}/health/ready"))
        .timeout(Duration::from_secs(3));
    match request.send().await {
        Err(error) if http_client::is_not_listening(&error) => {
            checks.push(none_runs(config, &base));
        }
        Err(error) => checks.push(Check::warning(
            "server",
            format!("{base} does not answer like one: {error}"),
            http_client::explain(&error, &base),
        )),
        Ok(response) if response.status().is_success() => {
            let other = of_another_folder(config, &base);
            checks.push(other.unwrap_or_else(|| Check::ok("server", format!("ready at {base}"))));
            // Problems that do not stop a sale are reported too.
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let problems = body["problems"].as_array().into_iter().flatten();
            for problem in problems.filter_map(serde_json::Value::as_str) {
                checks.push(Check::warning("server", problem, SALES_GO_ON));
            }
        }
        Ok(response) => {
            let status = response.status();
            checks.extend(of_another_folder(config, &base));
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let Some(problems) = body["problems"].as_array() else {
                checks.push(Check::failed(
                    "server",
                    format!("{base} answers {status}, unlike a server of Onsale"),
                    "set http.listen to the address of the server",
                ));
                return;
            };
            for problem in problems.iter().filter_map(serde_json::Value::as_str) {
                checks.push(Check::failed(
                    "server",
                    format!("{base} is not ready: {problem}"),
                    NOT_READY,
                ));
            }
            if problems.is_empty() {
                let found = format!("{base} is not ready and does not say why");
                checks.push(Check::failed("server", found, NOT_READY));
            }
        }
    }
}

/// What is found where nothing listens: right before the first start, or wherever no node has to run.
fn none_runs(config: &Config, base: &str) -> Check {
    let found = format!("none runs at {base}");
    if config.kafka.is_used() || !Journal::is_there(&config.journal_dir()) {
        return Check::ok("server", found);
    }
    if Journal::is_in_use(&config.journal_dir()) {
        return Check::warning(
            "server",
            format!("{found}, but a process has the log open"),
            "set http.listen to the address of that server, or wait until it is ready",
        );
    }
    Check::warning(
        "server",
        format!("{found}, and there is a log: nothing is sold"),
        "start it (`onsale serve`, or `onsale dev` if that created the data), unless it is meant to be \
         stopped",
    )
}

/// Redis as ingress nodes use it.
async fn redis(config: &Config, checks: &mut Vec<Check>) {
    let settings = match config.redis.settings("", "doctor") {
        Ok(Some(settings)) => settings,
        Ok(None) => return,
        Err(error) => {
            let found = format!("{error}: {}", error.source);
            checks.push(Check::failed("redis", found, "correct redis.url_file"));
            return;
        }
    };
    let counts = match Counts::new(&settings, &prometheus::Registry::new()) {
        Ok(counts) => counts,
        Err(error) => {
            let advice = "correct that setting of [redis]";
            checks.push(Check::failed("redis", error.to_string(), advice));
            return;
        }
    };
    checks.push(
        match tokio::time::timeout(REDIS_TIMEOUT, counts.preload()).await {
            Ok(Ok(())) => Check::ok("redis", "reached"),
            Ok(Err(error)) => Check::warning("redis", error.to_string(), WITHOUT_REDIS),
            Err(_) => Check::warning("redis", SILENT_REDIS, WITHOUT_REDIS),
        },
    );
}
