//! `onsale hall import`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use onsale_halls::{Hall, HallError, csv, pretix};

use super::{Looks, OutArgs, faulty, read, taken_wrongly};
use crate::exit::Failure;
use crate::output;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// A seating plan in the public format of pretix
    Pretix,
    /// A table with one line for each seat
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The seating plan or the table
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the file is [default: csv where its name ends so, else pretix]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What the hall is called [default: as in the plan; for a table the name of the file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    out: OutArgs,
}

impl ImportArgs {
    fn format(&self) -> Format {
        let is_table = self
            .file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let by_name = if is_table {
            Format::Csv
        } else {
            Format::Pretix
        };
        self.format.unwrap_or(by_name)
    }

    /// What to do with a file that is not of this format; empty where nothing is known.
    fn other(&self, bytes: &[u8]) -> &'static str {
        match (self.format(), Looks::of(bytes)) {
            (Format::Pretix, Looks::Hall) => {
                "it is in the format onsale-hall/1, or is meant to be: nothing has to be made of it, and `onsale hall \
                 check` says what is wrong with it"
            }
            (Format::Pretix, Looks::Table) => {
                "a seating plan is JSON; `--format csv` is for a table"
            }
            _ => "",
        }
    }
}

pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let bytes = read(&args.file)?;
    let wrong = |error: &HallError| taken_wrongly(&args.file, error, args.other(&bytes));
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy());
    let (mut document, notes, more_notes) = match args.format() {
        Format::Csv => {
            let name = stem.as_deref().unwrap_or("Hall");
            let document = csv::import(&bytes, args.name.as_deref().unwrap_or(name));
            (document.map_err(|error| wrong(&error))?, Vec::new(), 0)
        }
        Format::Pretix => {
            let read = pretix::import(&bytes, pretix::Options::default());
            let read = read.map_err(|error| wrong(&error))?;
            (read.document, read.notes, read.more_notes)
        }
    };
    if let Some(name) = &args.name {
        document.name.clone_from(name);
    }
    let what = args.file.display().to_string();
    let hall = Hall::new(document).map_err(|faults| faulty(&what, &faults))?;
    args.out.write(&hall)?;
    for note in &notes {
        output::note(format_args!("note: {note}"));
    }
    if more_notes > 0 {
        output::note(format_args!(
            "and {}",
            output::count(more_notes, "more note")
        ));
    }
    Ok(())
}
