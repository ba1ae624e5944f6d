//! The sections of log, snapshots, stores and telemetry.

use std::path::PathBuf;

use onsale_settings::Secret;
use serde::{Deserialize, Serialize};

use super::Problem;

/// Most partitions that one node serves.
const PARTITIONS_MAX: u16 = 1_024;
/// Longest silence of a log that can be asked for, in days (a hundred years).
const SILENCE_MAX_DAYS: u64 = 36_500;
/// Most connections to the database.
const CONNECTIONS_MAX: u32 = 256;

/// Where the process keeps its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// The folder; made when missing.
    pub dir: PathBuf,
}

impl Default for DataConfig {
    fn default() -> Self {
        let base = dirs::data_dir().unwrap_or_else(|| PathBuf::from("."));
        Self {
            dir: base.join("onsale"),
        }
    }
}

impl DataConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.dir.as_os_str().is_empty() {
            problems.push(problem(
                "data.dir",
                "\"\"".to_owned(),
                "a folder".to_owned(),
            ));
        }
    }
}

/// The log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Partitions; frozen when the log is made.
    pub partitions: u16,
    /// Size of a journal segment, in MiB.
    pub segment_size_mib: u64,
    /// Segments wholly older than this many hours that no kept snapshot needs are deleted. 0 keeps
    /// the whole log: it is the audit trail, and `onsale verify` and `replay` can begin anywhere.
    pub retention_hours: u64,
    /// How many days the log may have been silent before a start takes the clock for wrong and
    /// appends nothing. 0 is any.
    pub silence_max_days: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            partitions: 8,
            segment_size_mib: 16,
            retention_hours: 0,
            silence_max_days: 180,
        }
    }
}

impl LogConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        range(
            problems,
            "log.partitions",
            u64::from(self.partitions),
            1,
            u64::from(PARTITIONS_MAX),
        );
        range(
            problems,
            "log.segment_size_mib",
            self.segment_size_mib,
            // Smaller ones could not take the largest record beside a batch.
            4,
            1_024,
        );
        range(
            problems,
            "log.silence_max_days",
            self.silence_max_days,
            0,
            SILENCE_MAX_DAYS,
        );
        range(
            problems,
            "log.retention_hours",
            self.retention_hours,
            0,
            24 * 365 * 100,
        );
    }
}

/// Snapshots.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SnapshotsConfig {
    /// One is cut after so many records of a partition.
    pub every_records: u64,
    /// And after so many seconds, when there was at least one record.
    pub every_seconds: u64,
    /// How many are kept of each partition.
    pub keep: u32,
    /// Whether they are also stored in the database.
    pub in_database: bool,
}

impl Default for SnapshotsConfig {
    fn default() -> Self {
        Self {
            every_records: 1_000_000,
            every_seconds: 300,
            keep: 3,
            in_database: true,
        }
    }
}

impl SnapshotsConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        range(
            problems,
            "snapshots.every_records",
            self.every_records,
            1,
            u64::MAX >> 1,
        );
        range(
            problems,
            "snapshots.every_seconds",
            self.every_seconds,
            1,
            86_400 * 365,
        );
        range(problems, "snapshots.keep", u64::from(self.keep), 1, 100);
    }
}

/// The relational store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`; SQLite in the data folder when
    /// there is none.
    pub url: Option<Secret>,
    /// File that holds the URL.
    pub url_file: Option<PathBuf>,
    /// Most connections.
    pub connections_max: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            connections_max: 8,
        }
    }
}

impl DatabaseConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let connections = u64::from(self.connections_max);
        range(
            problems,
            "database.connections_max",
            connections,
            2,
            u64::from(CONNECTIONS_MAX),
        );
        if self.url.is_some() && self.url_file.is_some() {
            problems.push(problem(
                "database",
                "url and url_file".to_owned(),
                "one of the two".to_owned(),
            ));
        }
        if let Some(url) = &self.url {
            let known = ["sqlite://", "postgres://", "postgresql://"];
            if !known.iter().any(|scheme| url.expose().starts_with(scheme)) {
                problems.push(problem(
                    "database.url",
                    "(hidden)".to_owned(),
                    "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME".to_owned(),
                ));
            }
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Logs and traces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// `human` or `json`.
    pub format: LogFormat,
    /// What is logged, as `info` or `info,onsale_ingress=debug`.
    pub filter: String,
    /// Where traces go (OTLP over gRPC), as `http://127.0.0.1:4317`; nowhere when there is none.
    pub otlp_endpoint: Option<String>,
    /// Share of requests without a trace context of their own that are traced, 0 to 1.
    pub sampling: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".to_owned(),
            otlp_endpoint: None,
            sampling: 0.1,
        }
    }
}

impl TelemetryConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !(0.0..=1.0).contains(&self.sampling) {
            problems.push(problem(
                "telemetry.sampling",
                self.sampling.to_string(),
                "0 to 1".to_owned(),
            ));
        }
        if let Err(error) = self.filter.parse::<tracing_subscriber::filter::EnvFilter>() {
            problems.push(problem(
                "telemetry.filter",
                format!("{:?}", self.filter),
                format!("directives as info,onsale_ingress=debug ({error})"),
            ));
        }
        if let Some(endpoint) = &self.otlp_endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            problems.push(problem(
                "telemetry.otlp_endpoint",
                format!("{endpoint:?}"),
                "a URL as http://127.0.0.1:4317".to_owned(),
            ));
        }
    }
}

/// Notes a number outside its bounds.
pub(super) fn range(problems: &mut Vec<Problem>, key: &str, value: u64, min: u64, max: u64) {
    if !(min..=max).contains(&value) {
        problems.push(problem(key, value.to_string(), format!("{min} to {max}")));
    }
}

/// A value of `key` that cannot be used.
pub(super) fn problem(key: &str, value: String, expected: String) -> Problem {
    Problem {
        key: key.to_owned(),
        value,
        expected,
    }
}

/// Redis, for the precheck of several ingress nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RedisConfig {
    /// `redis://HOST:PORT`. Not used by the embedded log, whose precheck is in the process.
    pub(crate) url: Option<Secret>,
}
