//! `onsale hall`

mod check;
mod compile;
mod generate;
mod import;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use onsale_halls::limits::INPUT_MAX_BYTES;
use onsale_halls::{Faults, Hall, HallError};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum HallCommand {
    /// Say what is wrong with a hall, and where
    Check(check::CheckArgs),
    /// Make a hall of a seating plan of pretix or of a table
    Import(import::ImportArgs),
    /// Make a hall of a common shape
    Generate(generate::GenerateArgs),
    /// Show what a show would have of a hall: its zones with their rows
    Compile(compile::CompileArgs),
}

pub(crate) fn run(command: &HallCommand) -> Result<(), Failure> {
    match command {
        HallCommand::Check(args) => check::run(args),
        HallCommand::Import(args) => import::run(args),
        HallCommand::Generate(args) => generate::run(args),
        HallCommand::Compile(args) => compile::run(args),
    }
}

/// Where a hall is written.
#[derive(Debug, Args)]
struct OutArgs {
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl OutArgs {
    /// Writes a hall that was checked.
    fn write(&self, hall: &Hall) -> Result<(), Failure> {
        if let Some(file) = &self.out {
            return output::write_json(file, hall.document());
        }
        let text = serde_json::to_vec_pretty(hall.document()).or_found()?;
        output::bytes(&text);
        output::line("");
        Ok(())
    }
}

/// A file, no longer than a hall may be.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let named = || format!("cannot read {}", file.display());
    let mut bytes = Vec::new();
    // One byte more says that there is more.
    let max_bytes = u64::try_from(INPUT_MAX_BYTES).unwrap_or(u64::MAX);
    File::open(file)
        .with_context(named)
        .or_use()?
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .with_context(named)
        .or_use()?;
    Ok(bytes)
}

/// A hall in the format `onsale-hall/1`.
fn read_hall(file: &Path) -> Result<Hall, Failure> {
    let bytes = read(file)?;
    Hall::from_json(&bytes).map_err(|error| {
        let verb = match Looks::of(&bytes) {
            Looks::Table => {
                "a hall is JSON; `onsale hall import --format csv` makes one of a table"
            }
            Looks::Plan => {
                "`onsale hall import --format pretix` makes a hall of a seating plan of pretix"
            }
            Looks::Hall | Looks::Other => "",
        };
        taken_wrongly(file, &error, verb)
    })
}

/// What a file looks like, for whoever has to be told which verb or format is the right one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Looks {
    /// A hall in the format `onsale-hall/1`, or what is meant to be one.
    Hall,
    /// A seating plan of pretix.
    Plan,
    /// No JSON: a table, most likely.
    Table,
    Other,
}

impl Looks {
    fn of(bytes: &[u8]) -> Self {
        /// The fields that tell them apart.
        #[derive(Deserialize)]
        struct Top {
            format: Option<IgnoredAny>,
            zones: Option<IgnoredAny>,
        }
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Self::Table;
        }
        match serde_json::from_slice(bytes) {
            Ok(Top {
                format: Some(_), ..
            }) => Self::Hall,
            Ok(Top { zones: Some(_), .. }) => Self::Plan,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

/// As [`refused`]; a file that is not of the form that it was taken for is told with the verb that takes it.
fn taken_wrongly(file: &Path, error: &HallError, verb: &str) -> Failure {
    match error {
        HallError::Form { .. } if !verb.is_empty() => {
            Failure::Found(anyhow!("{}: {error}: {verb}", file.display()))
        }
        other => refused(file, other),
    }
}

/// What is wrong with a file, a line for each fault.
fn refused(file: &Path, error: &HallError) -> Failure {
    match error {
        HallError::Faults(faults) => faulty(&file.display().to_string(), faults),
        other => Failure::Found(anyhow!("{}: {other}", file.display())),
    }
}

/// As [`refused`], for what is of the right form and wrong.
fn faulty(what: &str, faults: &Faults) -> Failure {
    for fault in &faults.listed {
        output::line(fault);
    }
    let listed = u64::try_from(faults.listed.len()).unwrap_or(u64::MAX);
    let all = output::count(listed.saturating_add(faults.more), "fault");
    Failure::Found(anyhow!("{what}: {all}"))
}

/// Seats and standing room.
fn places(hall: &Hall) -> u64 {
    let plan = hall.plan();
    let standing = plan.standing.iter().map(|area| u64::from(area.capacity));
    u64::try_from(plan.seats.len()).unwrap_or(u64::MAX) + standing.sum::<u64>()
}
