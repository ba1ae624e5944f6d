//! `onsale migrate`

use anyhow::{Context, anyhow};
use clap::Args;
use onsale_store::audit::Actor;
use onsale_store::{LaterMigrations, Store, StoreError};

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
    /// Also give this role of PostgreSQL what the program needs to work with the tables, which stay those of
    /// the role that this connects as: it can then neither change nor delete an entry of the audit trail
    #[arg(long, value_name = "ROLE", conflicts_with = "print")]
    grant: Option<String>,
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
        let later = store.later_migrations().await.or_reach()?;
        if !later.is_empty() {
            return leave(args, &later);
        }
        let (days, by) = (config.retention.audit_days(), Actor::command_line());
        let is_kept = store
            .for_installation()
            .keep_audit_days(days, &by)
            .await
            .context("for how long the audit trail is kept")
            .or_found()?;
        if let Some(role) = &args.grant {
            grant(&store, role).await?;
        }
        if args.json.json {
            let granted = &args.grant;
            output::json(&serde_json::json!({
                "applied": applied,
                "granted_to": granted,
                "later_migrations": [],
            }));
        } else {
            match applied {
                0 => output::line("the schema is up to date"),
                1 => output::line("1 migration applied"),
                n => output::line(format_args!("{n} migrations applied")),
            }
            if !is_kept {
                output::line(
                    "retention.audit_years was not written down: only the owner of the tables may",
                );
            }
            if let Some(role) = &args.grant {
                output::line(format_args!(
                    "role {role} has what it needs, and owns nothing"
                ));
            }
        }
        Ok(())
    })
}

/// The database is of a later version: what there is to give, and to keep, is that version's to say.
fn leave(args: &MigrateArgs, later: &LaterMigrations) -> Result<(), Failure> {
    if let Some(role) = &args.grant {
        return Err(Failure::Found(anyhow!(
            "--grant {role}: the database belongs to a later version of Onsale ({later}), and what that one needs \
             is not known here: nothing was changed. Run it with that version"
        )));
    }
    if args.json.json {
        let numbers = &later.numbers;
        output::json(&serde_json::json!({
            "applied": 0,
            "granted_to": null,
            "later_migrations": numbers,
        }));
    } else {
        output::line(format_args!(
            "the database belongs to a later version of Onsale ({later}) and has all that this one needs: nothing \
             was changed"
        ));
    }
    Ok(())
}

async fn grant(store: &Store, role: &str) -> Result<(), Failure> {
    match store.grant_to_role(role).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Use(anyhow!(
            "--grant {role}: SQLite has no roles; who may write its file may do everything"
        ))),
        Err(error @ StoreError::Invalid(_)) => Err(Failure::Use(error.into())),
        Err(error) => Err(error).context("cannot grant").or_found(),
    }
}
