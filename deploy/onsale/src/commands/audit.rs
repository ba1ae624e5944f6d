//! `onsale audit`

use clap::{Args, Subcommand};
use onsale_store::audit::{AuditFilter, AuditRow};
use uuid::Uuid;

use super::store::with_store;
use crate::cli::{ConfigArgs, JsonArgs, parse_uuid, parse_whole};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what staff changed in the database, newest first
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only about this kind of thing, as event, show, booking or job
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only about the thing with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only about what belongs to this tenant
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    tenant: Option<Uuid>,
    /// Only what this account did
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    actor: Option<Uuid>,
    /// Only entries below this one in the list
    #[arg(long, value_name = "NUMBER", value_parser = parse_whole::<u64>)]
    before: Option<u64>,
    /// At most this many
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_whole::<u32>)]
    limit: u32,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(command: &AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List(args) => list(args),
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let filter = AuditFilter {
        subject_kind: args.kind.clone(),
        subject_id: args.id.clone(),
        tenant_id: args.tenant,
        actor_id: args.actor,
        before: args.before,
        limit: args.limit,
    };
    with_store(&args.config, async |store| {
        let entries = store.audit(&filter).await.or_reach()?;
        if args.json.json {
            output::json(&entries);
        } else if entries.is_empty() {
            output::line("there are no entries");
        } else {
            let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
            output::table(
                &["NUMBER", "TIME", "ROLE", "ACTOR", "ACTION", "SUBJECT"],
                &rows,
            );
        }
        Ok(())
    })
}

fn row(entry: &AuditRow) -> Vec<String> {
    let actor = entry.actor.id.map(|id| id.to_string());
    vec![
        entry.audit_id.to_string(),
        output::time(entry.at_ms),
        entry.actor.role.clone(),
        actor.unwrap_or_else(|| "-".to_owned()),
        entry.action.clone(),
        format!("{} {}", entry.subject_kind, entry.subject_id),
    ]
}
