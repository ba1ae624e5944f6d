//! Connecting to SQLite: one connection that writes, some that read.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

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
/// The WAL is copied into the file after so many pages of 4 KiB (4 MiB). The sync of a copy holds up
/// the journal's on the same disk: at 10,000 bookings a second copies of 32 MiB made the slowest
/// hundredth of all answers wait 19 ms, copies of 128 MiB 56 ms.
const CHECKPOINT_PAGES: &str = "1000";
/// The WAL file is cut back to this size after a checkpoint, in bytes.
const WAL_SIZE_LIMIT_BYTES: &str = "67108864";
/// How much the connection that writes stands back behind the threads that sell.
#[cfg(target_os = "linux")]
const WRITER_NICENESS: i32 = 10;

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
    let pool = SqlitePoolOptions::new()
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
        // The file is in this process: there is no connection that could have been lost.
        .test_before_acquire(false);
    let writes = options
        .clone()
        .pragma("cache_size", WRITER_CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
    let one = pool.clone().max_connections(1).min_connections(1);
    let writer = in_the_background(one.connect_with(writes)).await?;
    let reads = options
        .pragma("cache_size", READER_CACHE_KIB)
        .pragma("query_only", "ON");
    let readers = pool
        .max_connections(connections_max.saturating_sub(1).max(1))
        .connect_with(reads)
        .await
        .map_err(classify)?;
    Ok(SqlitePools { writer, readers })
}

/// Connects from a thread of low priority, which the connection's own thread inherits: the
/// projection takes what time the sale leaves. (On Linux a priority belongs to a thread; elsewhere
/// nothing is changed.)
async fn in_the_background(
    connecting: impl Future<Output = Result<SqlitePool, sqlx::Error>> + Send + 'static,
) -> Result<SqlitePool, StoreError> {
    let (sender, connected) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("onsale-connect".to_owned())
        .spawn(move || {
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::process::nice(WRITER_NICENESS) {
                tracing::debug!(%error, "the writer keeps its priority");
            }
            // Nobody waits any more when the start was given up.
            let _gone = sender.send(runtime.block_on(connecting));
        })
        .map_err(|error| StoreError::Unreachable(sqlx::Error::Io(error)))?;
    connected
        .await
        .unwrap_or(Err(sqlx::Error::WorkerCrashed))
        .map_err(classify)
}
