//! Connecting to SQLite: one connection that writes, some that read.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::writes::Writes;
use super::{Latch, classify};
use crate::error::StoreError;

/// How long a caller waits for a free connection. Writers queue for the only one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a statement waits for a lock of another process (the command line beside a server), in
/// seconds.
const BUSY_TIMEOUT_SECONDS: u64 = 10;
/// Page caches of a connection that reads and of the one that writes, in KiB (SQLite takes KiB as a
/// negative number). Ids are random, so the writer touches pages all over its indexes.
const READER_CACHE_KIB: &str = "-16384";
const WRITER_CACHE_KIB: &str = "-65536";
/// The WAL is copied into the file after this many pages of 4 KiB (4 MiB). The sync of a copy holds up
/// the journal's on the same disk: at 10,000 bookings a second copies of 32 MiB made the slowest
/// hundredth of all answers wait 19 ms, copies of 128 MiB 56 ms.
const CHECKPOINT_PAGES: &str = "1000";
/// The WAL file is cut back to this size after a checkpoint, in bytes.
const WAL_SIZE_LIMIT_BYTES: &str = "67108864";
/// Names the thread of the connection that writes; Linux keeps 15 bytes of a name.
const WRITER_THREAD: &str = "onsale-writer";
/// How much that thread stands back behind the ones that sell.
#[cfg(target_os = "linux")]
const WRITER_NICENESS: i32 = 10;

/// The pools of one SQLite file. SQLite has one writer at a time; queueing for its connection is
/// fair, while competing for the file's lock is not.
#[derive(Clone, Debug)]
pub(crate) struct SqlitePools {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) writes: Writes,
    pub(crate) latch: Latch,
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
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The file is in this process: there is no connection that could have been lost.
        .test_before_acquire(false);
    let writes = options
        .clone()
        .pragma("cache_size", WRITER_CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .thread_name(|number| format!("{WRITER_THREAD}{number}"));
    let writer = pool
        .clone()
        .max_connections(1)
        .after_connect(|_, _| {
            stand_back();
            Box::pin(std::future::ready(Ok(())))
        })
        .connect_with(writes)
        .await
        .map_err(classify)?;
    let reads = options
        .pragma("cache_size", READER_CACHE_KIB)
        .pragma("query_only", "ON");
    let readers_max = connections_max.saturating_sub(1).max(1);
    let readers = pool
        .max_connections(readers_max)
        // All are opened now, and none is closed later: a process that has no descriptor left goes
        // on reading, however many readers meet.
        .min_connections(readers_max)
        .connect_with(reads)
        .await
        .map_err(classify)?;
    Ok(SqlitePools {
        writer,
        readers,
        writes: Writes::new(1, ACQUIRE_TIMEOUT),
        latch: Latch::opened(),
    })
}

/// Lowers the priority of the threads that write to SQLite: the projection takes what time the sale
/// leaves. A connection that was lost is opened again with a new thread, so each is looked for by its
/// name. (On Linux a priority belongs to a thread; elsewhere nothing is changed.)
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = lower_writers() {
        tracing::debug!(%error, "the writer keeps its priority");
    }
}

#[cfg(target_os = "linux")]
fn lower_writers() -> std::io::Result<()> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?;
        // A thread may end between the two looks at it.
        let Ok(name) = std::fs::read_to_string(task.path().join("comm")) else {
            continue;
        };
        let number = task.file_name().to_str().and_then(|id| id.parse().ok());
        if name.starts_with(WRITER_THREAD)
            && let Some(thread) = number.and_then(rustix::process::Pid::from_raw)
        {
            rustix::process::setpriority_process(Some(thread), WRITER_NICENESS)?;
        }
    }
    Ok(())
}
