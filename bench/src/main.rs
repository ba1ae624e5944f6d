//! Benchmarks: `cargo run --release -p onsale-bench -- engine|journal`.

mod counting_allocator;
mod engine;
mod journal;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: counting_allocator::CountingAllocator = counting_allocator::CountingAllocator;

/// Measures parts of Onsale on this machine.
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
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().what {
        What::Engine(args) => engine::run(&args),
        What::Journal(args) => journal::run(args),
    }
}
