//! `onsale status`

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::cli::{ConfigArgs, JsonArgs, ServerArgs};
use crate::client::{self, Client};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Show again every second until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server, &args.config)?;
    client::block_on(async {
        loop {
            let partitions = client.get("/partitions").await?;
            let problems = client.problems().await;
            if args.json.json {
                output::json(&partitions);
            } else {
                print(&client, &partitions);
                for problem in &problems {
                    output::line(format_args!("! {problem}"));
                }
            }
            if !args.watch {
                return verdict(&problems);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            if !args.json.json {
                output::line("");
            }
        }
    })
}

/// Fails where the server reports problems; the JSON of the partitions does not name them.
fn verdict(problems: &[String]) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::Found(anyhow!(
        "the server reports {}: {}",
        output::count(problems.len(), "problem"),
        problems.join("; ")
    )))
}

fn print(client: &Client, partitions: &Value) {
    output::line(format_args!("server {}", client.base()));
    let rows: Vec<Vec<String>> = partitions
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    let headings = [
        "PARTITION",
        "OWNER",
        "EPOCH",
        "STANDBY",
        "NEXT",
        "LAG",
        "PROJECTED",
        "DIGEST",
        "SNAPSHOT",
    ];
    output::table(&headings, &rows);
}

fn row(partition: &Value) -> Vec<String> {
    let text = |key: &str| match &partition[key] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let snapshot = &partition["last_snapshot"];
    let snapshot = match snapshot["created_at"].as_str() {
        Some(at) => format!("{} at {at}", snapshot["next_offset"]),
        None => "-".to_owned(),
    };
    let mut row: Vec<String> = [
        "partition",
        "owner",
        "epoch",
        "standby",
        "next_offset",
        "lag",
        "projected_offset",
        "digest",
    ]
    .map(text)
    .to_vec();
    row.push(snapshot);
    row
}
