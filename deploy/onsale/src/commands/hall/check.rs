//! `onsale hall check`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{places, read_hall};
use crate::cli::JsonArgs;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A hall in the format onsale-hall/1 (JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    json: JsonArgs,
}

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let hall = read_hall(&args.file)?;
    let (name, places, address) = (&hall.document().name, places(&hall), hall.address());
    if args.json.json {
        output::json(&json!({
            "name": name, "places": places, "seats": hall.plan().seats.len(),
            "address": address.to_string(),
        }));
    } else {
        let places = output::count(places, "place");
        output::line(format_args!("{name}: {places}, {address}"));
    }
    Ok(())
}
