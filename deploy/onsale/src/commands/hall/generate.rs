//! `onsale hall generate`

use anyhow::Context;
use clap::Args;
use onsale_halls::generate::{Shape, generate};
use serde_json::{Map, Value, json};

use super::{OutArgs, faulty};
use crate::exit::{Failure, OrFail};

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// theatre, arena, club or rectangle
    #[arg(value_name = "SHAPE", value_parser = ["theatre", "arena", "club", "rectangle"])]
    shape: String,
    /// What the hall is called
    #[arg(long, value_name = "NAME", default_value = "Hall")]
    name: String,
    /// A number of the shape, such as stalls_seats=600; may be given again
    #[arg(long = "set", value_name = "NUMBER=VALUE", value_parser = parse_number)]
    numbers: Vec<(String, u32)>,
    #[command(flatten)]
    out: OutArgs,
}

/// `stalls_seats=600`
fn parse_number(text: &str) -> Result<(String, u32), String> {
    let expected = || "expected a number of the shape, such as stalls_seats=600".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(expected)?;
    let value: u32 = value.parse().map_err(|_| expected())?;
    Ok((name.to_owned(), value))
}

pub(crate) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let numbers = args.numbers.iter();
    let mut whole: Map<String, Value> = numbers
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    whole.insert("shape".to_owned(), json!(args.shape));
    let shape: Shape = serde_json::from_value(Value::Object(whole))
        .with_context(|| format!("--set: no {} has such numbers", args.shape))
        .or_use()?;
    let hall = generate(&args.name, &shape).map_err(|faults| faulty(&args.shape, &faults))?;
    args.out.write(&hall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_by_name() {
        assert_eq!(parse_number("seats=900"), Ok(("seats".to_owned(), 900)));
        for wrong in ["", "seats", "seats=", "seats=-1", "seats=x"] {
            assert!(parse_number(wrong).is_err(), "{wrong}");
        }
    }
}
