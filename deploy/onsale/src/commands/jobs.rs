//! `onsale jobs`

mod cancel;
mod list;
mod retry;
mod show;

use clap::{Args, Subcommand};
use onsale_store::job::JobState;
use uuid::Uuid;

use crate::cli::{ConfigArgs, JsonArgs, parse_uuid};
use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs, newest first, and count them
    List(list::ListArgs),
    /// Show everything about one job
    Show(JobArgs),
    /// Retry dead or cancelled jobs
    Retry(retry::RetryArgs),
    /// Cancel a job; a running one stops within seconds
    Cancel(JobArgs),
}

/// One job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Its id, as `onsale jobs list` shows it
    #[arg(value_name = "ID", value_parser = parse_uuid)]
    id: Uuid,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(command: &JobsCommand) -> Result<(), Failure> {
    match command {
        JobsCommand::List(args) => list::run(args),
        JobsCommand::Show(args) => show::run(args),
        JobsCommand::Retry(args) => retry::run(args),
        JobsCommand::Cancel(args) => cancel::run(args),
    }
}

/// The state of a name.
fn parse_state(text: &str) -> Result<JobState, String> {
    JobState::parse(text).ok_or_else(|| {
        let names = JobState::ALL.map(JobState::as_str).join(", ");
        format!("{text:?}: expected one of {names}")
    })
}
