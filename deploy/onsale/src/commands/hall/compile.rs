//! `onsale hall compile`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use onsale_halls::chart;
use onsale_halls::compile::{Assignment, compile};
use serde_json::json;

use super::{faulty, read, read_hall};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// A hall in the format onsale-hall/1 (JSON)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which category is sold in which zone (JSON) [default: a zone for each category]
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,
    /// Where to write the chart that a page draws (onsale-chart/1)
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

pub(crate) fn run(args: &CompileArgs) -> Result<(), Failure> {
    let hall = read_hall(&args.file)?;
    let assignment = match &args.zones {
        None => Assignment::by_category(&hall),
        Some(file) => serde_json::from_slice(&read(file)?)
            .with_context(|| format!("{} assigns no zones", file.display()))
            .or_found()?,
    };
    let what = args.file.display().to_string();
    let compiled = compile(&hall, &assignment).map_err(|faults| faulty(&what, &faults))?;
    let drawn = chart::encode(&hall, &compiled);
    if let Some(file) = &args.chart {
        std::fs::write(file, &drawn.json)
            .with_context(|| format!("cannot write {}", file.display()))
            .or_use()?;
    }
    output::json(&json!({
        "hall": hall.address().to_string(),
        "chart": drawn.address.to_string(),
        "seats": compiled.seats.len(),
        "zones": compiled.zones,
    }));
    Ok(())
}
