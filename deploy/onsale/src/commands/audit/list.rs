//! `onsale audit list`

use clap::Args;
use onsale_store::audit::{AuditFilter, AuditRow};

use super::filter::FilterArgs;
use crate::cli::{ConfigArgs, JsonArgs, parse_limit, parse_whole};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Only entries below this one in the list
    #[arg(long, value_name = "NUMBER", value_parser = parse_whole::<u64>)]
    before: Option<u64>,
    /// At most this many, up to 1000
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_limit)]
    limit: u32,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ListArgs) -> Result<(), Failure> {
    let filter = AuditFilter {
        before: args.before,
        // One more says whether there are more.
        limit: args.limit.saturating_add(1),
        ..args.filter.filter()
    };
    with_store(&args.config, async |store| {
        let mut entries = store.audit(&filter).await.or_reach()?;
        let has_more = output::cut(&mut entries, args.limit);
        let next = entries.last().filter(|_| has_more);
        let next = next.map(|entry| entry.audit_id);
        if args.json.json {
            output::json(&entries);
        } else if entries.is_empty() {
            output::line("there are no entries");
        } else {
            let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
            output::table(
                &[
                    "NUMBER", "TIME", "ROLE", "ACTOR", "TENANT", "ACTION", "SUBJECT",
                ],
                &rows,
            );
        }
        output::more("--before", next);
        Ok(())
    })
}

fn row(entry: &AuditRow) -> Vec<String> {
    vec![
        entry.audit_id.to_string(),
        output::time(entry.at_ms),
        entry.actor.role.clone(),
        output::or_dash(entry.actor.id),
        output::or_dash(entry.tenant_id),
        entry.action.clone(),
        format!("{} {}", entry.subject_kind, entry.subject_id),
    ]
}
