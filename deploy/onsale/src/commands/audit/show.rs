//! `onsale audit show`

use anyhow::anyhow;
use clap::Args;

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its number, as `onsale audit list` shows it
    #[arg(value_name = "NUMBER", value_parser = parse_whole::<u64>)]
    number: u64,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ShowArgs) -> Result<(), Failure> {
    let number = args.number;
    with_store(&args.config, async |store| {
        let Some(entry) = store.audit_entry(number).await.or_reach()? else {
            return Err(Failure::Found(anyhow!(
                "there is no entry {number}; `onsale audit list` shows the existing ones"
            )));
        };
        if args.json.json {
            output::json(&entry);
            return Ok(());
        }
        let detail = (!entry.detail.is_null()).then(|| entry.detail.to_string());
        for (name, value) in [
            ("number", entry.audit_id.to_string()),
            ("time", output::time(entry.at_ms)),
            ("role", entry.actor.role),
            ("actor", output::or_dash(entry.actor.id)),
            ("actor's tenant", output::or_dash(entry.actor.tenant_id)),
            ("from", output::or_dash(entry.actor.origin)),
            ("request", output::or_dash(entry.actor.request_id)),
            ("action", entry.action),
            (
                "subject",
                format!("{} {}", entry.subject_kind, entry.subject_id),
            ),
            ("tenant", output::or_dash(entry.tenant_id)),
            ("detail", output::or_dash(detail)),
        ] {
            output::line(format_args!("{name:<15}{value}"));
        }
        Ok(())
    })
}
