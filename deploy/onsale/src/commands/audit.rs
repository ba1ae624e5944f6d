//! `onsale audit`

mod export;
mod filter;
mod list;
mod show;
mod verify;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List who did what, newest first
    List(list::ListArgs),
    /// Write all entries down as CSV or JSON Lines, newest first
    Export(export::ExportArgs),
    /// Show everything about one entry
    Show(show::ShowArgs),
    /// Check that no entry was taken out, changed or put in by hand
    Verify(verify::VerifyArgs),
}

pub(crate) fn run(command: &AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List(args) => list::run(args),
        AuditCommand::Export(args) => export::run(args),
        AuditCommand::Show(args) => show::run(args),
        AuditCommand::Verify(args) => verify::run(args),
    }
}
