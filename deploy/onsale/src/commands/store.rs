//! The database, for verbs that work on it without a server.

use std::path::Path;

use anyhow::{Context, anyhow};
use onsale_processor::audit_months;
use onsale_store::Store;

use crate::cli::ConfigArgs;
use crate::client;
use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// Connections of a verb: one that writes and one that reads.
const CONNECTIONS: u32 = 2;

/// The database where there is one: opening one of SQLite that does not exist would create it.
pub(crate) async fn open(config: &Config) -> Result<Option<Store>, Failure> {
    let url = config.database_url()?;
    if missing_file(&url).is_some() {
        return Ok(None);
    }
    let store = Store::connect(&url, CONNECTIONS)
        .await
        .context("cannot open the database")
        .or_reach()?;
    Ok(Some(store.for_installation()))
}

/// Works on the database: no server needs to run.
pub(crate) fn with_store<T>(
    args: &ConfigArgs,
    work: impl AsyncFnOnce(Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let config = Config::for_operator(args)?;
    client::block_on(async {
        let Some(store) = open(&config).await? else {
            let url = config.database_url()?;
            let file = missing_file(&url).unwrap_or_default();
            return Err(Failure::Reach(anyhow!(
                "there is no database at {file}: set `--data` or `database.url` to those of the server"
            )));
        };
        let result = match store.check_schema().await.or_found() {
            Ok(()) => {
                // No server may have made them for months, and what a verb does is written down.
                audit_months::make(&store).await;
                work(store.clone()).await
            }
            Err(old) => Err(old),
        };
        store.close().await;
        result
    })
}

/// The file of an SQLite database that does not exist.
fn missing_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite://")?;
    (!Path::new(path).exists()).then_some(path)
}
