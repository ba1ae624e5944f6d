//! `onsale migrate`

use anyhow::Context;
use clap::Args;
use onsale_store::Store;

use crate::cli::{ConfigArgs, JsonArgs, parse_whole};
use crate::client;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Print the statements of this migration and do nothing: they create again what was deleted by hand
    #[arg(long, value_name = "NUMBER", value_parser = parse_whole::<u16>)]
    print: Option<u16>,
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
        if let Some(version) = args.print {
            let text = store.migration_text(i64::from(version)).with_context(|| {
                format!("there is no migration {version:04} for this kind of database")
            });
            if url.starts_with("sqlite:") {
                output::line("-- Needs sqlite3 3.43 or later.");
            }
            output::line(text.or_use()?);
            return Ok(());
        }
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
