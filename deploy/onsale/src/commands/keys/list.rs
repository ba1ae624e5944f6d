//! `onsale keys list`

use clap::Args;
use serde_json::json;

use crate::cli::{ConfigArgs, JsonArgs};
use crate::commands::user::{failed, with_office};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, _now_ms| {
        let keys = office.sealing_keys().await.map_err(failed)?;
        let state = |key| match office.configured_keys().position(|other| other == key) {
            Some(0) => "current",
            Some(_) => "old",
            None => "missing",
        };
        if args.json.json {
            let listed: Vec<_> = keys
                .iter()
                .map(|(key, values)| {
                    json!({ "key": key.to_string(), "state": state(*key), "values": values })
                })
                .collect();
            output::json(&listed);
        } else {
            let rows: Vec<Vec<String>> = keys
                .iter()
                .map(|(key, values)| {
                    vec![key.to_string(), state(*key).to_owned(), values.to_string()]
                })
                .collect();
            output::table(&["KEY", "STATE", "VALUES"], &rows);
        }
        Ok(())
    })
}
