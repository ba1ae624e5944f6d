//! `onsale clock`

use anyhow::anyhow;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, JsonArgs, ServerArgs, parse_whole};
use crate::client::{self, Client, TIMEOUT_LONG};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Show the clocks that stamp records; exit code 1 when one is wrong
    Status {
        #[command(flatten)]
        json: JsonArgs,
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Accept the clock as right, after it was set: a record in the log moves machine time to it,
    /// even back. Holds that would end too late end after their ordinary time; sales that a wrong
    /// clock closed are open again
    Reset {
        /// Only this partition (with Kafka)
        #[arg(long, value_name = "P", value_parser = parse_whole::<u16>)]
        partition: Option<u16>,
        /// Also where clock and machine time agree
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        json: JsonArgs,
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(crate) fn run(command: ClockCommand) -> Result<(), Failure> {
    match command {
        ClockCommand::Status {
            json,
            server,
            config,
        } => status(json, &Client::new(&server, &config)?),
        ClockCommand::Reset {
            partition,
            force,
            json,
            server,
            config,
        } => reset(partition, force, json, &Client::new(&server, &config)?),
    }
}

fn status(json: JsonArgs, client: &Client) -> Result<(), Failure> {
    let clocks = client::block_on(client.get("/admin/clock"))?;
    if json.json {
        output::json(&clocks);
    } else {
        let rows: Vec<Vec<String>> = rows_of(&clocks).map(row).collect();
        output::table(&["NODE", "CLOCK", "HELD TO", "AHEAD", ""], &rows);
        for problem in rows_of(&clocks).filter_map(|clock| clock["problem"].as_str()) {
            output::line(problem);
        }
    }
    let wrong = rows_of(&clocks).filter(|clock| clock["is_right"] == false);
    match wrong.count() {
        0 => Ok(()),
        wrong => Err(Failure::Found(anyhow!("{wrong} of the clocks are wrong"))),
    }
}

fn reset(
    partition: Option<u16>,
    force: bool,
    json: JsonArgs,
    client: &Client,
) -> Result<(), Failure> {
    let mut body = json!({ "force": force });
    if let Some(partition) = partition {
        body["partition"] = json!(partition);
    }
    let moved = client::block_on(client.post("/admin/clock/reset", &body, TIMEOUT_LONG))?;
    if json.json {
        output::json(&moved);
        return Ok(());
    }
    for moved in rows_of(&moved) {
        output::line(format_args!(
            "partition {}: machine time was {}, is {}",
            moved["partition"],
            text(&moved["from"]),
            text(&moved["to"]),
        ));
    }
    Ok(())
}

fn rows_of(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn row(clock: &Value) -> Vec<String> {
    let name = text(&clock["clock"]);
    let partition = clock["partition"].as_u64();
    let is_right = clock["is_right"] == true;
    vec![
        text(&clock["node"]).to_owned(),
        partition.map_or_else(
            || name.to_owned(),
            |partition| format!("{name} {partition}"),
        ),
        text(&clock["held_to"]).to_owned(),
        format!("{} ms", clock["ahead_ms"]),
        if is_right { "right" } else { "WRONG" }.to_owned(),
    ]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
