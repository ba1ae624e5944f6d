//! The database, for verbs that work on it without a server.

use std::path::Path;

use anyhow::{Context, anyhow};
use onsale_store::Store;

use crate::cli::ConfigArgs;
use crate::client;
use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// Connections of a verb.
const CONNECTIONS_MAX: u32 = 2;

/// The database, where there is one: connecting to SQLite would create it.
pub(super) async fn open(config: &Config) -> Result<Option<Store>, Failure> {
    let url = config.database_url()?;
    let missing = url
        .strip_prefix("sqlite:")
        .map(|path| path.strip_prefix("//").unwrap_or(path))
        .is_some_and(|path| !Path::new(path).exists());
    if missing {
        return Ok(None);
    }
    let store = Store::connect(&url, CONNECTIONS_MAX)
        .await
        .context("cannot open the database")
        .or_reach()?;
    Ok(Some(store))
}

/// Works on the database of the configuration; no server needs to run.
pub(super) fn with_store<T>(
    args: &ConfigArgs,
    work: impl AsyncFnOnce(Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let config = Config::for_operator(args)?;
    client::block_on(async {
        let Some(store) = open(&config).await? else {
            return Err(Failure::Reach(anyhow!(
                "there is no database at {}: expected the one of a server; check --config, or start \
                 the server once",
                config.database_url()?
            )));
        };
        let result = match store.check_schema().await.or_found() {
            Ok(()) => work(store.clone()).await,
            Err(failure) => Err(failure),
        };
        store.close().await;
        result
    })
}
