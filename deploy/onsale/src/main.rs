//! `onsale`: the one binary, server and operator command line.

mod assemble;
mod audit_keeping;
mod cli;
mod client;
mod commands;
mod config;
mod database_fit;
mod demo;
mod demo_accounts;
mod descriptors;
mod exit;
mod first_admin;
mod in_place;
mod labels;
mod log_source;
mod money;
mod operations;
mod output;
mod private;
mod second_layer;
mod secrets;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

/// Fewer cross-thread frees than the system's allocator on the path of a request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    private::keep_others_out();
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.code()
        }
    }
}
