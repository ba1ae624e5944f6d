//! `onsale keys rotate`

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use onsale_accounts::Pace;
use serde_json::json;

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::commands::user::{failed, with_office};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// Pause after each 200 values, in milliseconds
    #[arg(long, value_name = "MS", default_value = "20", value_parser = parse_whole::<u64>)]
    pause_ms: u64,
    /// Stop after this many values; the next run goes on from there [default: all]
    #[arg(long, value_name = "COUNT", value_parser = parse_whole::<u64>)]
    at_most: Option<u64>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &RotateArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, _now_ms| {
        let left = async || -> Result<u64, Failure> {
            let keys = office.sealing_keys().await.map_err(failed)?;
            let current = office.configured_keys().next();
            let others = keys.iter().filter(|(key, _)| Some(**key) != current);
            Ok(others.map(|(_, values)| values).sum())
        };
        let bar = output::progress(left().await?, "values");
        let pace = Pace {
            pause: Duration::from_millis(args.pause_ms),
            values_max: args.at_most.unwrap_or(u64::MAX),
        };
        let rotated = office.rotate(pace, |resealed| bar.set_position(resealed));
        let rotated = rotated.await.map_err(failed)?;
        bar.finish_and_clear();
        let left = left().await?;
        if args.json.json {
            output::json(&json!({
                "resealed": rotated.resealed, "failed": rotated.failed, "left": left,
            }));
        } else {
            let resealed = rotated.resealed;
            output::line(format_args!(
                "{resealed} values are sealed with the current key now, {left} with others"
            ));
        }
        match rotated.first_failure {
            Some(why) => Err(Failure::Found(anyhow!(
                "{} values could not be opened, the first of them because {why}",
                rotated.failed
            ))),
            None => Ok(()),
        }
    })
}
