//! Benchmarks: `cargo run --release -p onsale-bench -- engine|journal|http|peers`.

mod counting_allocator;
mod engine;
mod http;
mod journal;
mod peers;
mod side;
mod spread;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: counting_allocator::CountingAllocator = counting_allocator::CountingAllocator;

/// Measures Onsale, its parts and its peers on this machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The seat machine: throughput, flatness, slowest command, memory, snapshot pause.
    Engine(engine::EngineArgs),
    /// The embedded log: durable appends and replay.
    Journal(journal::JournalArgs),
    /// The server as a separate process, over HTTP, against its targets.
    Http(http::HttpArgs),
    /// The same job on Onsale, Redis and PostgreSQL, in turn on this machine.
    Peers(peers::PeersArgs),
    /// The minimal server in front of a peer; started by the other benchmarks.
    #[command(hide = true)]
    PeerIngress(peers::ingress::PeerIngressArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().what {
        What::Engine(args) => engine::run(&args),
        What::Journal(args) => journal::run(args),
        What::Http(args) => {
            counting_allocator::stop_counting();
            http::run(&args)
        }
        What::Peers(args) => {
            counting_allocator::stop_counting();
            peers::run(&args)
        }
        What::PeerIngress(args) => {
            counting_allocator::stop_counting();
            peers::ingress::run(&args)
        }
    }
}
