//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use onsale_cluster::http_client;
use onsale_processor::clock;
use uuid::Uuid;

use crate::commands;
use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// Sells tickets when everyone wants them in the same minute: first come, first served, nothing
/// sold twice, nothing lost.
#[derive(Debug, Parser)]
#[command(
    name = "onsale",
    version,
    about,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 fine, 1 the check found something, 2 wrong use, 3 could not \
                        reach.\nEvery configuration value can be set by ONSALE_SECTION__KEY; see \
                        `onsale config print`."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process with demo shows, on the embedded log and database
    Dev(commands::dev::DevArgs),
    /// Create the demo events on a running server and print tokens to buy with
    Demo(commands::demo::DemoArgs),
    /// Run a server as configured
    Serve(commands::serve::ServeArgs),
    /// Mint an access token with the configured key
    Token(commands::token::TokenArgs),
    /// Show the partitions of a running server: owner, epoch, offsets, lag, digest
    Status(commands::status::StatusArgs),
    /// Move partitions of a running cluster to another processor
    Failover(commands::failover::FailoverArgs),
    /// Show the clocks that stamp records, and accept one as right after it was set
    #[command(subcommand)]
    Clock(commands::clock::ClockCommand),
    /// Make and look after snapshots
    #[command(subcommand)]
    Snapshot(commands::snapshot::SnapshotCommand),
    /// Apply the log again and show what every record did
    Replay(commands::replay::ReplayArgs),
    /// Check a log against an independent model of the rules
    Verify(commands::verify::VerifyArgs),
    /// Compare the engine's state with the database, then repair the database from the report
    Reconcile(commands::reconcile::ReconcileArgs),
    /// List, retry and cancel jobs of the queue
    #[command(subcommand)]
    Jobs(commands::jobs::JobsCommand),
    /// Create and look after accounts
    #[command(subcommand)]
    User(commands::user::UserCommand),
    /// Open tenants, the houses of organizers
    #[command(subcommand)]
    Tenant(commands::tenant::TenantCommand),
    /// Check, import and generate halls
    #[command(subcommand)]
    Hall(commands::hall::HallCommand),
    /// Look after the keys of personal data
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Report and delete what is kept too long
    Retention(commands::retention::RetentionArgs),
    /// List, export and verify who did what
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
    /// Put load on a running server and report throughput, latency and broken promises
    Load(commands::load::LoadArgs),
    /// Find out what is wrong with an installation and what to do
    Doctor(commands::doctor::DoctorArgs),
    /// Print or check the configuration
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Bring the database schema up to date
    Migrate(commands::migrate::MigrateArgs),
    /// Read one image from standard input, as a server has it done for each that is uploaded
    #[command(hide = true)]
    ReadImage(commands::read_image::ReadImageArgs),
}

/// Where the configuration comes from.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "ONSALE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder; overrides data.dir
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// How to reach a running server.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ServerArgs {
    /// URL of the server [default: from http.listen]
    #[arg(long, value_name = "URL", env = "ONSALE_SERVER", value_parser = parse_server)]
    pub server: Option<String>,
    /// Operator token (role operator) [default: minted with the configured key]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ONSALE_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// File with that token, which keeps it out of the list of processes [env: ONSALE_TOKEN does, too]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Whose certificates are trusted when a server is called by https.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct TrustArgs {
    /// Trust only the authorities in this file (PEM) [default: http.tls_ca_file, then the system's]
    #[arg(long, value_name = "FILE", env = "ONSALE_CA")]
    pub ca: Option<PathBuf>,
}

impl TrustArgs {
    /// A client that trusts what flags and configuration name.
    pub(crate) fn client(&self, config: &Config) -> Result<reqwest::Client, Failure> {
        http_client::build(self.ca_file(config)).or_use()
    }

    /// The file with the authorities that flags and configuration name.
    pub(crate) fn ca_file<'a>(&'a self, config: &'a Config) -> Option<&'a Path> {
        let ca_file = self.ca.as_ref().or(config.http.tls_ca_file.as_ref());
        ca_file.map(PathBuf::as_path)
    }
}

/// Machine-readable output.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct JsonArgs {
    /// Print one JSON object instead of text for people
    #[arg(long)]
    pub json: bool,
}

/// `ADDR:PORT` or `:PORT` on loopback.
pub(crate) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') {
        format!("127.0.0.1{text}")
    } else {
        text.to_owned()
    };
    full.parse()
        .map_err(|_| "expected an address such as 127.0.0.1:8080 or :8080".to_owned())
}

/// The URL of a server.
pub(crate) fn parse_server(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.to_owned());
    }
    let host = text.rsplit("://").next().unwrap_or_default();
    let host = if host.is_empty() {
        "localhost:8080"
    } else {
        host
    };
    Err(format!("expected http://{host} or https://{host}"))
}

/// `15m`, `24h`, `30d`, `90s` or a number of seconds.
pub(crate) fn parse_duration_s(text: &str) -> Result<u64, String> {
    let expected = || "expected a duration such as 90s, 15m, 24h or 30d".to_owned();
    let (digits, unit) = text
        .find(|c: char| !c.is_ascii_digit())
        .map_or((text, "s"), |at| text.split_at(at));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let count: u64 = digits.parse().map_err(|_| expected())?;
    count
        .checked_mul(factor)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(expected)
}

/// A whole number with a message that says which ones are right.
pub(crate) fn parse_whole<T: FromStr + Bounded>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number from 0 to {}", T::MAX_SHOWN))
}

/// Entries of a list at most: all of them are in memory at once.
const LISTED_MAX: u32 = 1_000;

/// How many entries to list.
pub(crate) fn parse_limit(text: &str) -> Result<u32, String> {
    let limit: Option<u32> = text.parse().ok();
    limit
        .filter(|limit| (1..=LISTED_MAX).contains(limit))
        .ok_or_else(|| format!("expected a whole number from 1 to {LISTED_MAX}"))
}

/// A number type that knows its range.
pub(crate) trait Bounded {
    /// Its largest value.
    const MAX_SHOWN: u64;
}

impl Bounded for u16 {
    const MAX_SHOWN: u64 = Self::MAX as u64;
}

impl Bounded for u32 {
    const MAX_SHOWN: u64 = Self::MAX as u64;
}

impl Bounded for u64 {
    const MAX_SHOWN: u64 = Self::MAX;
}

impl Bounded for usize {
    const MAX_SHOWN: u64 = Self::MAX as u64;
}

/// A share of all, from 0 to 1.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to 1, such as 0.01".to_owned())
}

/// A UUID with a message that says what one looks like.
pub(crate) fn parse_uuid(text: &str) -> Result<Uuid, String> {
    text.parse()
        .map_err(|_| "expected a UUID such as 0190a5c4-5c1e-7e2b-9f3a-2d1c4b5a6978".to_owned())
}

/// An instant as milliseconds since 1970.
pub(crate) fn parse_instant(text: &str) -> Result<u64, String> {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    time.and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .ok_or_else(|| "expected a time such as 2026-12-31T19:30:00Z".to_owned())
}

impl Cli {
    /// Runs the verb.
    pub(crate) fn run(self) -> Result<(), Failure> {
        // Ids, tokens and records all carry the time; libraries below panic where it is before 1970.
        clock::check_wall(clock::now_ms()).or_use()?;
        match self.command {
            Command::Dev(args) => commands::dev::run(args),
            Command::Demo(args) => commands::demo::run(&args),
            Command::Serve(args) => commands::serve::run(&args),
            Command::Token(args) => commands::token::run(&args),
            Command::Status(args) => commands::status::run(&args),
            Command::Failover(args) => commands::failover::run(&args),
            Command::Clock(command) => commands::clock::run(command),
            Command::Snapshot(command) => commands::snapshot::run(command),
            Command::Replay(args) => commands::replay::run(&args),
            Command::Verify(args) => commands::verify::run(&args),
            Command::Reconcile(args) => commands::reconcile::run(&args),
            Command::Jobs(command) => commands::jobs::run(&command),
            Command::User(command) => commands::user::run(&command),
            Command::Tenant(command) => commands::tenant::run(&command),
            Command::Hall(command) => commands::hall::run(&command),
            Command::Keys(command) => commands::keys::run(&command),
            Command::Retention(command) => commands::retention::run(&command),
            Command::Audit(command) => commands::audit::run(&command),
            Command::Load(args) => commands::load::run(&args),
            Command::Doctor(args) => commands::doctor::run(&args),
            Command::Config(command) => commands::config::run(&command),
            Command::Migrate(args) => commands::migrate::run(&args),
            Command::ReadImage(args) => commands::read_image::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    /// Everything that takes a value says what a valid one looks like.
    #[test]
    fn a_wrong_value_is_answered_with_what_would_be_right() {
        use clap::{CommandFactory, error::ErrorKind};
        fn walk(command: &clap::Command, path: &[String], tried: &mut u32) {
            for argument in command.get_arguments() {
                let Some(long) = argument.get_long() else {
                    continue;
                };
                if !argument.get_action().takes_values() {
                    continue;
                }
                let mut words = path.to_vec();
                words.push(format!("--{long}=?"));
                let Err(error) = Cli::command().try_get_matches_from(&words) else {
                    continue;
                };
                if error.kind() != ErrorKind::ValueValidation {
                    continue;
                }
                *tried += 1;
                let text = error.to_string();
                assert!(text.contains("expected "), "{words:?}: {text}");
                assert!(!text.contains("digit found"), "{words:?}: {text}");
                // clap has said the value already.
                assert!(!text.contains("\"?\""), "{words:?}: {text}");
            }
            for inner in command.get_subcommands() {
                let mut path = path.to_vec();
                path.push(inner.get_name().to_owned());
                walk(inner, &path, tried);
            }
        }
        let mut tried = 0;
        walk(&Cli::command(), &["onsale".to_owned()], &mut tried);
        assert!(tried >= 20, "{tried}");
        assert_eq!(parse_share("0.5"), Ok(0.5));
        for wrong in ["", "x", "1.01", "-0.1", "NaN"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration_s("90"), Ok(90));
        assert_eq!(parse_duration_s("15m"), Ok(900));
        assert_eq!(parse_duration_s("24h"), Ok(86_400));
        assert_eq!(parse_duration_s("30d"), Ok(2_592_000));
        for wrong in ["", "m", "0", "-5m", "5y", "99999999999999999999d"] {
            assert!(parse_duration_s(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants() {
        assert_eq!(parse_instant("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(parse_instant("1970-01-01T07:00:01+07:00"), Ok(1_000));
        for wrong in ["", "tomorrow", "2026-12-31", "1969-12-31T23:59:59Z"] {
            assert!(parse_instant(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn listen_addresses() {
        assert_eq!(parse_listen(":9000").unwrap().to_string(), "127.0.0.1:9000");
        assert_eq!(parse_listen("[::1]:80").unwrap().to_string(), "[::1]:80");
        assert!(parse_listen("localhost").is_err());
    }
}
