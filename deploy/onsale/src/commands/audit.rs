//! `onsale audit`

mod list;
mod show;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what staff changed in the database, newest first
    List(list::ListArgs),
    /// Show everything about one entry
    Show(show::ShowArgs),
}

pub(crate) fn run(command: &AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List(args) => list::run(args),
        AuditCommand::Show(args) => show::run(args),
    }
}
