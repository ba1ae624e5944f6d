//! `onsale failover`

use clap::Args;
use serde_json::json;

use crate::cli::{ConfigArgs, JsonArgs, ServerArgs};
use crate::client::{self, Client, TIMEOUT_LONG};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct FailoverArgs {
    /// The processor that takes over
    #[arg(long, value_name = "NODE")]
    to: String,
    /// The partition, or "all"
    #[arg(long, value_name = "P", default_value = "all", value_parser = parse_which)]
    partition: Which,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// One partition or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Which {
    All,
    One(u16),
}

fn parse_which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which::All);
    }
    let number = text
        .parse()
        .map_err(|_| "expected the number of a partition (0 to 65535) or \"all\"".to_owned())?;
    Ok(Which::One(number))
}

pub(crate) fn run(args: &FailoverArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server, &args.config)?;
    let mut body = json!({ "to": args.to });
    if let Which::One(partition) = args.partition {
        body["partition"] = json!(partition);
    }
    let done = client::block_on(client.post("/admin/failover", &body, TIMEOUT_LONG))?;
    if args.json.json {
        output::json(&done);
        return Ok(());
    }
    let what = match args.partition {
        Which::All => "every partition".to_owned(),
        Which::One(partition) => format!("partition {partition}"),
    };
    output::line(format_args!("{what} is owned by {}", args.to));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_number_or_all() {
        assert_eq!(parse_which("all"), Ok(Which::All));
        assert_eq!(parse_which("7"), Ok(Which::One(7)));
        for wrong in ["", "-1", "65536", "ALL", "one"] {
            assert!(parse_which(wrong).is_err(), "{wrong}");
        }
    }
}
