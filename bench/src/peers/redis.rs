//! Redis with a Lua script, behind the minimal server.
//!
//! One multiplexed connection: all waiting requests go to Redis in one write, and with `appendfsync
//! always` one sync makes all of them durable. That is how Redis performs best.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use redis::aio::MultiplexedConnection;

use super::ingress::{Ask, Backend, BackendKind, Verdict};
use super::{Bench, Measured, ingress};
use crate::side::child::{Process, free_port, is_listening};
use crate::side::job::{self, Zone};

const SERVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/services/redis.sh");
/// The script; the raw client uses the same.
pub(super) const SCRIPT: &str = include_str!("reserve.lua");
const START_PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for an answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// When Redis makes its log durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sync {
    /// Before it answers.
    Always,
    /// Every second.
    EverySecond,
}

pub(super) fn always(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, Sync::Always)
}

pub(super) fn every_second(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, Sync::EverySecond)
}

fn measure(bench: &Bench, sync: Sync) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let server = Server::start(folder.path(), sync)?;
    let zones = Zone::made_up(1);
    server.put_on_sale(&zones)?;
    let (process, target) = ingress::start(BackendKind::Redis, Some(&server.url))?;
    let driven = job::ask(bench.closed_loop(), &target, &job::plain_users(), &zones)?;
    job::check_sold(server.sold(&zones)?, driven.places_granted())?;
    process.end()?;
    server.end()?;
    Ok(Measured::of(&driven, None))
}

/// A dedicated Redis. Installs Redis where it is missing.
fn install() -> anyhow::Result<()> {
    let status = Command::new(SERVICE)
        .arg("install")
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {SERVICE}"))?;
    ensure!(status.success(), "{SERVICE} install ended with {status}");
    Ok(())
}

pub(super) struct Server {
    process: Process,
    pub(super) url: String,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn start(folder: &Path, sync: Sync) -> anyhow::Result<Self> {
        let port = free_port()?;
        let fsync = match sync {
            Sync::Always => "always",
            Sync::EverySecond => "everysec",
        };
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(folder)
            .args(["--appendonly", "yes", "--appendfsync", fsync])
            // No forks in the middle of a measurement, in favour of Redis.
            .args(["--save", "", "--auto-aof-rewrite-percentage", "0"])
            .stdout(Stdio::null());
        install()?;
        let mut process = Process::start("redis-server", &mut command)?;
        process.wait_until(START_PATIENCE, || is_listening(port))?;
        Ok(Self {
            process,
            url: format!("redis://127.0.0.1:{port}/"),
            port,
        })
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        self.process.end()
    }

    pub(super) fn put_on_sale(&self, zones: &[Zone]) -> anyhow::Result<()> {
        let mut connection = redis::Client::open(self.url.as_str())?.get_connection()?;
        for zone in zones {
            redis::cmd("SET")
                .arg(keys(&zone.show, &zone.zone).0)
                .arg(job::CAPACITY)
                .exec(&mut connection)?;
        }
        Ok(())
    }

    /// Tickets sold, counted in three ways that must agree.
    pub(super) fn sold(&self, zones: &[Zone]) -> anyhow::Result<u64> {
        let mut connection = redis::Client::open(self.url.as_str())?.get_connection()?;
        let mut all = 0;
        for zone in zones {
            let (left, users, holds) = keys(&zone.show, &zone.zone);
            let left: u64 = redis::cmd("GET").arg(left).query(&mut connection)?;
            let by_user: Vec<u64> = redis::cmd("HVALS").arg(users).query(&mut connection)?;
            let held: u64 = redis::cmd("ZCARD").arg(holds).query(&mut connection)?;
            let sold = job::CAPACITY - left;
            let by_user: u64 = by_user.iter().sum();
            if sold != held || sold != by_user {
                bail!("Redis counts {sold} sold, {held} held and {by_user} by user");
            }
            all += sold;
        }
        Ok(all)
    }
}

/// Keys of the tickets left, the tickets by user, and the holds.
pub(super) fn keys(
    show: &impl std::fmt::Display,
    zone: &impl std::fmt::Display,
) -> (String, String, String) {
    (
        format!("left:{zone}"),
        format!("users:{show}"),
        format!("holds:{show}"),
    )
}

/// The script over a multiplexed connection.
pub(super) struct Scripted {
    connection: MultiplexedConnection,
    script: redis::Script,
}

impl Scripted {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let config =
            redis::AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut connection = redis::Client::open(url)?
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let script = redis::Script::new(SCRIPT);
        script.load_async(&mut connection).await?;
        Ok(Self { connection, script })
    }
}

impl Backend for Scripted {
    async fn reserve(&self, ask: Ask) -> anyhow::Result<Verdict> {
        let (left, users, holds) = keys(&ask.show, &ask.zone);
        let verdict: i64 = self
            .script
            .key(left)
            .key(users)
            .key(holds)
            .arg(ask.user.as_bytes())
            .arg(ask.quantity)
            .arg(ask.limit)
            .arg(format!("{}|{}|{}", ask.booking, ask.user, ask.quantity))
            .arg(ask.expires_at_ms)
            .invoke_async(&mut self.connection.clone())
            .await?;
        verdict_of(verdict)
    }
}

/// What the script returned.
pub(super) fn verdict_of(number: i64) -> anyhow::Result<Verdict> {
    match number {
        0 => Ok(Verdict::Reserved),
        1 => Ok(Verdict::SoldOut),
        2 => Ok(Verdict::Limit),
        other => bail!("the script returned {other}"),
    }
}
