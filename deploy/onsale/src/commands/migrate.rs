//! `onsale migrate`

use anyhow::Context;
use clap::Args;
use onsale_store::Store;

use crate::cli::{ConfigArgs, JsonArgs};
use crate::client;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &MigrateArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    client::block_on(async {
        let url = config.database_url()?;
        let store = Store::connect(&url, 2)
            .await
            .context("cannot open the database")
            .or_reach()?;
        let applied = store.migrate().await.context("migrations").or_found()?;
        if args.json.json {
            output::json(&serde_json::json!({ "applied": applied }));
        } else {
            match applied {
                0 => output::line("the schema is up to date"),
                1 => output::line("1 migration applied"),
                n => output::line(format_args!("{n} migrations applied")),
            }
        }
        Ok(())
    })
}
