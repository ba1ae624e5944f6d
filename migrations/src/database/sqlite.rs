//! Connecting to SQLite: one connection that writes, some that read.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::classify;
use crate::error::StoreError;

/// How long a caller waits for a free connection, in seconds. Writers queue for the only one.
const ACQUIRE_TIMEOUT_SECONDS: u64 = 30;
/// How long a statement waits for a lock of another process (the command line beside a server), in
/// seconds.
const BUSY_TIMEOUT_SECONDS: u64 = 10;
/// Page caches of a connection that reads and of the one that writes, in KiB (SQLite takes KiB as a
/// negative number). Ids are random, so the writer touches pages all over its indexes.
const READER_CACHE_KIB: &str = "-16384";
const WRITER_CACHE_KIB: &str = "-65536";
/// The WAL is copied into the file after so many pages of 4 KiB (32 MiB). A page that is written
/// often is then copied once for many commits; SQLite's own default is 4 MiB.
const CHECKPOINT_PAGES: &str = "8192";
/// The WAL file is cut back to this size after a checkpoint, in bytes.
const WAL_SIZE_LIMIT_BYTES: &str = "67108864";

/// The pools of one SQLite file. SQLite has one writer at a time; queueing for its connection is
/// fair, while competing for the file's lock is not.
#[derive(Clone, Debug)]
pub(crate) struct SqlitePools {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
}

pub(crate) async fn connect(path: &Path, connections_max: u32) -> Result<SqlitePools, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Each transaction says what durability it needs, see `Durability`.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_SECONDS))
        .pragma("journal_size_limit", WAL_SIZE_LIMIT_BYTES)
        .pragma("temp_store", "memory");
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
        // The file is in this process: there is no connection that could have been lost.
        .test_before_acquire(false)
        .connect_with(
            options
                .clone()
                .pragma("cache_size", WRITER_CACHE_KIB)
                .pragma("wal_autocheckpoint", CHECKPOINT_PAGES),
        )
        .await
        .map_err(classify)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(connections_max.saturating_sub(1).max(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
        .test_before_acquire(false)
        .connect_with(
            options
                .pragma("cache_size", READER_CACHE_KIB)
                .pragma("query_only", "ON"),
        )
        .await
        .map_err(classify)?;
    Ok(SqlitePools { writer, readers })
}
