//! The same script without HTTP: pipelined commands over several connections, written by hand, as
//! close to Redis as a client gets.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use uuid::Uuid;

use super::ingress::Verdict;
use super::redis::{SCRIPT, Server, Sync, keys, verdict_of};
use super::{Bench, Measured, WARM_UP};
use crate::side::job::{self, TICKETS_PER_USER, Zone};

/// Commands in flight on one connection.
const PIPELINE: usize = 8;

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
    let zone = zones.first().context("no zone")?;
    let mut client = Client::connect(&server, zone, bench.in_flight.div_ceil(PIPELINE))?;
    let all = WARM_UP + bench.seconds;
    let begin = Instant::now();
    let (mut granted, mut counted) = (0u64, 0u64);
    let mut turns = Vec::new();
    let mut turn_began = begin;
    for connection in 0..client.connections.len() {
        client.send(connection)?;
    }
    while begin.elapsed() < all {
        for connection in 0..client.connections.len() {
            let received = client.receive(connection)?;
            granted += received;
            if begin.elapsed() >= WARM_UP && begin.elapsed() < all {
                counted += received;
            }
            client.send(connection)?;
        }
        if begin.elapsed() >= WARM_UP {
            turns.push(turn_began.elapsed());
        }
        turn_began = Instant::now();
    }
    for connection in 0..client.connections.len() {
        granted += client.receive(connection)?;
    }
    let sold = server.sold(&zones)?;
    ensure!(sold == granted, "sold {sold}, but granted {granted}");
    server.end()?;
    turns.sort_unstable();
    // A command waits at most for the pipeline that it is part of.
    let at = |percent: usize| {
        turns
            .get(turns.len().saturating_sub(1) * percent / 100)
            .map_or(0.0, Duration::as_secs_f64)
            * 1e3
    };
    Ok(Measured {
        per_second: counted as f64 / bench.seconds.as_secs_f64(),
        p50_ms: at(50),
        p99_ms: at(99),
        per_sync: None,
    })
}

struct Client {
    connections: Vec<BufReader<TcpStream>>,
    sha: String,
    keys: (String, String, String),
    users: Vec<Uuid>,
    turn: usize,
    bytes: Vec<u8>,
}

impl Client {
    fn connect(server: &Server, zone: &Zone, connections: usize) -> anyhow::Result<Self> {
        let mut admin = redis::Client::open(server.url.as_str())?.get_connection()?;
        let sha: String = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(SCRIPT)
            .query(&mut admin)?;
        let connections = (0..connections)
            .map(|_| {
                let stream = TcpStream::connect(("127.0.0.1", server.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                Ok(BufReader::new(stream))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            connections,
            sha,
            keys: keys(&zone.show, &zone.zone),
            users: (0..job::USERS).map(|_| Uuid::new_v4()).collect(),
            turn: 0,
            bytes: Vec::new(),
        })
    }

    /// Sends a pipeline of commands on one connection, in one write.
    fn send(&mut self, connection: usize) -> anyhow::Result<()> {
        self.bytes.clear();
        for _ in 0..PIPELINE {
            let user = self
                .users
                .get(self.turn % self.users.len().max(1))
                .context("no users")?;
            self.turn = self.turn.wrapping_add(1);
            let booking = format!("{}|{user}|1", Uuid::now_v7());
            let limit = TICKETS_PER_USER.to_string();
            let (left, by_user, holds) = &self.keys;
            self.bytes.extend_from_slice(b"*11\r\n");
            for part in [
                b"EVALSHA".as_slice(),
                self.sha.as_bytes(),
                b"3",
                left.as_bytes(),
                by_user.as_bytes(),
                holds.as_bytes(),
                user.as_bytes(),
                b"1",
                limit.as_bytes(),
                booking.as_bytes(),
                b"4102444800000",
            ] {
                write!(self.bytes, "${}\r\n", part.len())?;
                self.bytes.extend_from_slice(part);
                self.bytes.extend_from_slice(b"\r\n");
            }
        }
        let stream = self
            .connections
            .get_mut(connection)
            .context("no connection")?;
        stream.get_mut().write_all(&self.bytes)?;
        Ok(())
    }

    /// Waits for the answers of a pipeline; all of them must be granted.
    fn receive(&mut self, connection: usize) -> anyhow::Result<u64> {
        let stream = self
            .connections
            .get_mut(connection)
            .context("no connection")?;
        let mut line = String::new();
        for _ in 0..PIPELINE {
            line.clear();
            stream.read_line(&mut line)?;
            let number = line
                .strip_prefix(':')
                .with_context(|| format!("Redis said {line:?}"))?;
            if verdict_of(number.trim().parse()?)? != Verdict::Reserved {
                bail!("Redis refused a ticket");
            }
        }
        Ok(u64::try_from(PIPELINE)?)
    }
}
