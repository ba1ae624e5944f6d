//! `onsale keys`

mod list;
mod rotate;

use clap::Subcommand;

use crate::exit::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys of personal data, and how much each has sealed
    List(list::ListArgs),
    /// Seal with the current key what older ones have sealed, beside servers that run
    Rotate(rotate::RotateArgs),
}

pub(crate) fn run(command: &KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List(args) => list::run(args),
        KeysCommand::Rotate(args) => rotate::run(args),
    }
}
