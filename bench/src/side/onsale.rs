//! The `onsale` binary as a separate process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use onsale_load::{Control, Minter, Target, Users};

use super::child::{Process, free_port, is_listening};
use super::say;

/// Secret of the servers started here.
pub(super) const SECRET: &str = "a secret that only lives as long as a benchmark";
/// How long a start may take; start-up with a large log is measured, not limited, by this.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// How long the tokens are valid, in seconds.
pub(crate) const TOKEN_TTL_S: u64 = 6 * 3_600;

/// The release binary: given, or beside this one; built where it is missing.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn binary(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let program = std::env::current_exe().context("path of this program")?;
    let beside = program.with_file_name("onsale");
    if beside.exists() {
        return Ok(beside);
    }
    say::progress("building the release binary");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "-p", "onsale"])
        .args(["--manifest-path", manifest])
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo to build the onsale binary; give its path with --onsale")?;
    if !status.success() || !beside.exists() {
        bail!(
            "the onsale binary was not built at {}; build it with `cargo build --release -p \
             onsale`, or give its path with --onsale",
            beside.display()
        );
    }
    Ok(beside)
}

/// A running server, embedded log and database, rate limits off.
pub(crate) struct Onsale {
    pub(crate) process: Process,
    pub(crate) target: Target,
    operations: SocketAddr,
}

impl Onsale {
    /// Starts it on a data folder and waits until it is ready.
    pub(crate) fn start(binary: &Path, data: &Path, env: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (port, operations_port) = (free_port()?, free_port()?);
        std::fs::create_dir_all(data)?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(data.join("server.log"))?;
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .env("ONSALE_DATA__DIR", data)
            .env("ONSALE_HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .env(
                "ONSALE_HTTP__OPERATIONS_LISTEN",
                format!("127.0.0.1:{operations_port}"),
            )
            // The whole load comes from one address.
            .env("ONSALE_HTTP__CONNECTIONS_PER_ADDRESS_MAX", "1000000")
            .env("ONSALE_HTTP__STREAM_READERS_PER_ADDRESS_MAX", "1000000")
            .env("ONSALE_HTTP__UNSENT_PER_ADDRESS_MAX_BYTES", "1099511627776")
            .env("ONSALE_AUTH__HS256_SECRET", SECRET)
            .env("ONSALE_RATE_LIMIT__ENABLED", "false")
            .env("ONSALE_TELEMETRY__FILTER", "warn")
            .envs(env.iter().copied())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut process = Process::start("onsale", &mut command)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        process.wait_until(START_PATIENCE, || {
            is_listening(port) && get(address, "/health/ready").is_ok_and(|(ready, _)| ready)
        })?;
        Ok(Self {
            process,
            target: Target::parse(&format!("http://{address}"))?,
            operations: SocketAddr::from(([127, 0, 0, 1], operations_port)),
        })
    }

    /// A metric, summed over its labels; 0 when there is none.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let (_, text) = get(self.operations, "/metrics")?;
        let mut sum = 0.0;
        for line in text.lines() {
            let Some(rest) = line.strip_prefix(name) else {
                continue;
            };
            if !rest.starts_with(['{', ' ']) {
                continue;
            }
            let value = rest.rsplit(' ').next().unwrap_or_default();
            sum += value.parse::<f64>().unwrap_or(0.0);
        }
        Ok(sum)
    }

    /// Signs tokens that this server accepts.
    pub(crate) fn minter() -> Minter {
        Minter::new(SECRET, "onsale", "onsale")
    }

    /// Buyers whose tokens this server accepts.
    pub(crate) fn users(count: usize) -> anyhow::Result<Users> {
        Ok(Users::mint(&Self::minter(), count, TOKEN_TTL_S)?)
    }
}

/// Calls a server on behalf of an organizer; it must have the secret of the servers started here.
///
/// # Errors
/// When no token can be signed.
pub(crate) fn organizer(target: &Target) -> anyhow::Result<Control> {
    let token = Onsale::minter().mint(uuid::Uuid::new_v4(), "organizer", TOKEN_TTL_S)?;
    Ok(Control::new(target.clone(), token))
}

/// Whether a page outside the API was answered with 200, and its text.
fn get(address: SocketAddr, path: &str) -> anyhow::Result<(bool, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok((text.starts_with("HTTP/1.1 200"), text))
}
