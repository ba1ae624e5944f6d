//! `onsale snapshot`

use anyhow::anyhow;
use clap::Subcommand;
use onsale_processor::recovery;
use onsale_schemas::PartitionId;
use onsale_snapshot::directory::Directory;
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, JsonArgs, ServerArgs, parse_whole};
use crate::client::{self, Client, TIMEOUT_LONG};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Have a running server cut snapshots now
    Create {
        /// Only this partition
        #[arg(long, value_name = "P", value_parser = parse_whole::<u16>)]
        partition: Option<u16>,
        #[command(flatten)]
        json: JsonArgs,
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the snapshots in the data folder; if there is none and a cluster is configured, those
    /// of all nodes
    List(FolderArgs),
    /// Read every snapshot in the data folder as a start would
    Verify(FolderArgs),
    /// Delete all but the newest snapshots in the data folder
    Prune {
        /// How many to keep of each partition
        #[arg(long, default_value_t = 3, value_parser = parse_keep)]
        keep: u32,
        #[command(flatten)]
        folder: FolderArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// Only this partition
    #[arg(long, value_name = "P", value_parser = parse_whole::<u16>)]
    partition: Option<u16>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_keep(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|keep| *keep > 0)
        .ok_or_else(|| format!("expected a whole number from 1 to {}", u32::MAX))
}

pub(crate) fn run(command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create {
            partition,
            json,
            server,
            config,
        } => create(partition, json, &Client::new(&server, &config)?),
        SnapshotCommand::List(args) => list(&args),
        SnapshotCommand::Verify(args) => verify(&args),
        SnapshotCommand::Prune { keep, folder } => prune(keep, &folder),
    }
}

fn create(partition: Option<u16>, json: JsonArgs, client: &Client) -> Result<(), Failure> {
    let body = partition.map_or(json!({}), |partition| json!({ "partition": partition }));
    let made = client::block_on(client.post("/admin/snapshots", &body, TIMEOUT_LONG))?;
    if json.json {
        output::json(&made);
        return Ok(());
    }
    let made: Vec<&Value> = made.as_array().into_iter().flatten().collect();
    for snapshot in &made {
        output::line(format_args!(
            "partition {}: up to offset {}, {} bytes, {}",
            snapshot["partition"],
            snapshot["next_offset"],
            snapshot["size_bytes"],
            snapshot["created_at"].as_str().unwrap_or("?")
        ));
    }
    output::line(format_args!("{} snapshots", made.len()));
    Ok(())
}

fn open(args: &FolderArgs) -> Result<(Config, Directory), Failure> {
    let config = Config::for_operator(&args.config)?;
    let dir = config.snapshots_dir();
    if !dir.exists() {
        return Err(Failure::Reach(anyhow!(
            "no snapshots here: {} does not exist; check data.dir or --data{}",
            dir.display(),
            if config.kafka.is_used() {
                ", the folder of a processor"
            } else {
                ""
            }
        )));
    }
    let directory = Directory::open_read_only(&dir).or_reach()?;
    Ok((config, directory))
}

impl FolderArgs {
    fn wants(&self, partition: PartitionId) -> bool {
        self.partition.is_none_or(|only| only == partition.0)
    }
}

fn list(args: &FolderArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    if config.kafka.is_used() && !config.snapshots_dir().exists() {
        return list_of_cluster(args);
    }
    let (_, directory) = open(args)?;
    let listed: Vec<_> = directory
        .list()
        .or_found()?
        .into_iter()
        .filter(|entry| args.wants(entry.header.partition))
        .collect();
    if args.json.json {
        let rows: Vec<Value> = listed
            .iter()
            .map(|entry| {
                json!({
                    "partition": entry.header.partition,
                    "next_offset": entry.header.next_offset,
                    "created_at": output::time(entry.header.created_at_ms),
                    "digest": format!("{:016x}", entry.header.digest),
                    "size_bytes": entry.size_bytes,
                })
            })
            .collect();
        output::json(&rows);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|entry| {
            vec![
                entry.header.partition.to_string(),
                entry.header.next_offset.to_string(),
                output::time(entry.header.created_at_ms),
                format!("{:016x}", entry.header.digest),
                entry.size_bytes.to_string(),
            ]
        })
        .collect();
    output::table(
        &["PARTITION", "OFFSET", "CREATED", "DIGEST", "BYTES"],
        &rows,
    );
    Ok(())
}

/// Nodes have their folders on their own machines: an ingress asks them.
fn list_of_cluster(args: &FolderArgs) -> Result<(), Failure> {
    let client = Client::new(&ServerArgs::default(), &args.config)?;
    let kept = client::block_on(client.get("/admin/snapshots"))?;
    let wanted = |snapshot: &&Value| {
        args.partition
            .is_none_or(|only| snapshot["partition"] == only)
    };
    let kept: Vec<&Value> = kept
        .as_array()
        .into_iter()
        .flatten()
        .filter(wanted)
        .collect();
    if args.json.json {
        output::json(&kept);
        return Ok(());
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let columns = ["partition", "next_offset", "created_at", "size_bytes"];
    let rows: Vec<Vec<String>> = kept
        .iter()
        .map(|snapshot| columns.iter().map(|key| text(&snapshot[key])).collect())
        .collect();
    output::table(&["PARTITION", "OFFSET", "CREATED", "BYTES"], &rows);
    Ok(())
}

fn verify(args: &FolderArgs) -> Result<(), Failure> {
    let (_, directory) = open(args)?;
    let (mut sound, mut bad) = (0u64, Vec::new());
    for (path, result) in directory.verify_all().or_found()? {
        match result {
            Ok(entry) if !args.wants(entry.header.partition) => {}
            Ok(entry) => {
                // Sound bytes still have to decode to a machine with the digest that they promise.
                let partition = entry.header.partition;
                let limit = Some(entry.header.next_offset);
                let machine = directory.newest(partition, limit).or_found()?;
                match machine.as_ref().map(recovery::machine_of) {
                    Some(Ok(_)) => sound += 1,
                    Some(Err(error)) => bad.push(format!("{}: {error}", path.display())),
                    None => bad.push(format!("{}: it is gone", path.display())),
                }
            }
            Err(error) => bad.push(format!("{}: {error}", path.display())),
        }
    }
    if args.json.json {
        output::json(&json!({ "ok": bad.is_empty(), "sound": sound, "bad": bad }));
    } else {
        output::line(format_args!("{sound} sound, {} not", bad.len()));
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure::Found(anyhow!(
        "{}; a start takes an older one",
        bad.join("; ")
    )))
}

fn prune(keep: u32, args: &FolderArgs) -> Result<(), Failure> {
    // Files only, so that it can be done beside a running server.
    let (_, directory) = open(args)?;
    let mut partitions: Vec<PartitionId> = directory
        .list()
        .or_found()?
        .iter()
        .map(|entry| entry.header.partition)
        .collect();
    partitions.dedup();
    let mut removed = 0;
    for partition in partitions
        .into_iter()
        .filter(|partition| args.wants(*partition))
    {
        removed += directory.prune(partition, keep, None).or_found()?;
    }
    if args.json.json {
        output::json(&json!({ "removed": removed }));
    } else {
        output::line(format_args!("{removed} deleted"));
    }
    Ok(())
}
