//! Side by side: the same job on Onsale and on common alternatives, on the same machine, in turn.
//!
//! The job: a user takes one ticket of general admission, up to a limit per user; the answer is
//! sent when the booking is durable. Over HTTP the client, its connections and the size of requests
//! and answers are the same for all; every peer is behind the same minimal hyper server, which,
//! unlike Onsale, checks no token.

mod bars;
pub(crate) mod ceiling;
mod echo;
mod embedded;
pub(crate) mod ingress;
mod kafka;
mod postgres;
mod redis;
mod redis_raw;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use onsale_load::Driven;

use crate::side::conditions::{self, Conditions};
use crate::side::job::ClosedLoop;
use crate::side::{onsale, say};

/// Duration of the warm-up before each round, in seconds.
const WARM_UP: Duration = Duration::from_secs(1);

/// Options of the comparison.
#[derive(Args)]
pub(crate) struct PeersArgs {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Also write a page of HTML.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How often each peer is measured; the peers take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each is measured in a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Requests in flight: connections over HTTP, connections times pipeline for raw Redis.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Only peers whose key contains this.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Folder on the disk to measure on; by default a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The release binary of Onsale; built if not given and not there.
    #[arg(long, value_name = "FILE")]
    onsale: Option<PathBuf>,
}

/// Conditions of every measurement.
pub(crate) struct Bench {
    folder: PathBuf,
    onsale: PathBuf,
    seconds: Duration,
    in_flight: usize,
}

/// What a round found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Bookings made durable by one sync of the disk, if the peer reports it.
    per_sync: Option<f64>,
}

impl Bench {
    fn closed_loop(&self) -> ClosedLoop {
        ClosedLoop {
            warm_up: WARM_UP,
            measured: self.seconds,
            in_flight: self.in_flight,
        }
    }
}

impl Measured {
    fn of(driven: &Driven, per_sync: Option<f64>) -> Self {
        Self {
            per_second: driven.granted_per_second(),
            p50_ms: driven.tally.latency_ms(50.0),
            p99_ms: driven.tally.latency_ms(99.0),
            per_sync,
        }
    }
}

/// A peer and how it is used.
#[derive(Clone, Copy)]
struct Peer {
    key: &'static str,
    about: &'static str,
    measure: fn(&Bench) -> anyhow::Result<Measured>,
}

const PEERS: &[Peer] = &[
    Peer {
        key: "hyper_echo",
        about: "bare hyper, JSON read and answered, nothing kept: the ceiling",
        measure: echo::measure,
    },
    Peer {
        key: "onsale_embedded",
        about: "Onsale embedded, one hot zone, projection running",
        measure: embedded::hot,
    },
    Peer {
        key: "onsale_embedded_spread",
        about: "Onsale embedded, 256 zones of 256 events",
        measure: embedded::spread,
    },
    Peer {
        key: "redis_lua_raw_aof_always",
        about: "Redis Lua, AOF synced always, pipelined, no HTTP",
        measure: redis_raw::always,
    },
    Peer {
        key: "redis_lua_raw_aof_everysec",
        about: "Redis Lua, AOF synced every second (a crash loses up to a second), no HTTP",
        measure: redis_raw::every_second,
    },
    Peer {
        key: "redis_lua_http_aof_always",
        about: "Redis Lua behind hyper, AOF synced always",
        measure: redis::always,
    },
    Peer {
        key: "redis_lua_http_aof_everysec",
        about: "Redis Lua behind hyper, AOF synced every second (a crash loses up to a second)",
        measure: redis::every_second,
    },
    Peer {
        key: "postgres_hot_row",
        about: "PostgreSQL, SELECT … FOR UPDATE, one hot zone",
        measure: postgres::for_update::hot,
    },
    Peer {
        key: "postgres_for_update_spread",
        about: "PostgreSQL, SELECT … FOR UPDATE, 256 zones",
        measure: postgres::for_update::spread,
    },
    Peer {
        key: "postgres_function_hot",
        about: "PostgreSQL, stored function, one hot zone",
        measure: postgres::function::hot,
    },
    Peer {
        key: "postgres_function_spread",
        about: "PostgreSQL, stored function, 256 zones",
        measure: postgres::function::spread,
    },
    Peer {
        key: "postgres_skip_locked_hot",
        about: "PostgreSQL, a row per ticket, SKIP LOCKED, one hot zone",
        measure: postgres::skip_locked::hot,
    },
    Peer {
        key: "postgres_skip_locked_spread",
        about: "PostgreSQL, a row per ticket, SKIP LOCKED, 256 zones",
        measure: postgres::skip_locked::spread,
    },
    Peer {
        key: "postgres_optimistic_hot",
        about: "PostgreSQL, version column, one hot zone",
        measure: postgres::optimistic::hot,
    },
    Peer {
        key: "postgres_optimistic_spread",
        about: "PostgreSQL, version column, 256 zones",
        measure: postgres::optimistic::spread,
    },
    Peer {
        key: "onsale_kafka",
        about: "Onsale on Kafka, one hot zone",
        measure: kafka::measure,
    },
];

/// Rounds of one peer.
struct Rounds {
    peer: Peer,
    measured: Vec<Measured>,
    /// Why it was not measured.
    failed: Option<String>,
}

/// Measures and prints.
///
/// # Errors
/// When the folder cannot be used or the binary not be built. A peer that cannot be measured is
/// reported as such.
pub(crate) fn run(args: &PeersArgs) -> anyhow::Result<()> {
    let before = Conditions::look();
    let folder = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("cannot create {}", dir.display()))?;
            tempfile::tempdir_in(dir)
        }
        None => tempfile::tempdir(),
    }
    .context("cannot create a folder for the peers")?;
    let bench = Bench {
        folder: folder.path().to_owned(),
        onsale: onsale::binary(args.onsale.as_deref())?,
        seconds: Duration::from_secs(args.seconds.max(1)),
        in_flight: args.in_flight.max(1),
    };
    let wanted = |peer: &&Peer| {
        args.only.is_empty()
            || args
                .only
                .iter()
                .any(|text| peer.key.contains(text.as_str()))
    };
    let mut all: Vec<Rounds> = PEERS
        .iter()
        .filter(wanted)
        .map(|peer| Rounds {
            peer: *peer,
            measured: Vec::new(),
            failed: None,
        })
        .collect();
    let mut syncs = Vec::new();
    for round in 0..args.rounds.max(1) {
        syncs.push(conditions::sync_us(&bench.folder)?);
        // Each round starts with another peer, so that none always follows the same one.
        let count = all.len().max(1);
        for turn in 0..all.len() {
            let Some(rounds) = all.get_mut((turn + round) % count) else {
                continue;
            };
            if rounds.failed.is_some() {
                continue;
            }
            match (rounds.peer.measure)(&bench) {
                Ok(measured) => {
                    say::progress(format_args!(
                        "round {}: {:<28} {:>9.0}/s  p50 {:.2} ms  p99 {:.2} ms",
                        round + 1,
                        rounds.peer.key,
                        measured.per_second,
                        measured.p50_ms,
                        measured.p99_ms
                    ));
                    rounds.measured.push(measured);
                }
                Err(error) => {
                    say::progress(format_args!("{}: {error:#}", rounds.peer.key));
                    rounds.failed = Some(format!("{error:#}"));
                }
            }
        }
    }
    postgres::server::forget(&bench);
    let report = report::Report::new(args, before, &syncs, &all);
    if let Some(path) = &args.html {
        say::file(path, &report.html())?;
    }
    if args.json {
        say::line(serde_json::to_string(&report.json())?);
    } else {
        say::line(report.text().trim_end());
    }
    Ok(())
}
