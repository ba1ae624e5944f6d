//! A connection lent by a pool, and how long its database may be silent.
//!
//! A server of its own can vanish without closing anything: its machine loses power, a firewall forgets
//! the connection, an address moves. Nothing is left to be sent then, so the system never notices, and
//! whoever reads the answer reads for ever. sqlx has no limit for that, neither for a statement nor for
//! its look at a connection that comes back, which keeps the connection's place in the pool.
//!
//! A connection is lent for somebody: what it may see of the tenants' data is set before it is handed out, see
//! [`crate::scope`]. There is no other way to a connection of PostgreSQL's pool.

use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Pool, Postgres, Sqlite};
use tokio::time::timeout;

use super::postgres;
use crate::scope::Scope;

tokio::task_local! {
    /// For whom the connection is that is being waited for.
    static LENT_FOR: Scope;
}

/// For whom the connection is that this task waits for.
pub(super) fn lent_for() -> Scope {
    LENT_FOR.try_with(|scope| *scope).unwrap_or_default()
}

/// A database that may fall silent.
pub(crate) trait Limited: sqlx::Database {
    /// How long it may take to answer a statement; `None` where it is in this process.
    const STATEMENT_MAX: Option<Duration>;
}

impl Limited for Postgres {
    const STATEMENT_MAX: Option<Duration> = Some(postgres::STATEMENT_MAX);
}

impl Limited for Sqlite {
    const STATEMENT_MAX: Option<Duration> = None;
}

/// Waits for an answer, no longer than `limit`. The connection cannot be used on when it runs out:
/// what is left of the answer may come at any time.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    answer: impl Future<Output = T>,
) -> Result<T, sqlx::Error> {
    match limit {
        None => Ok(answer.await),
        Some(limit) => timeout(limit, answer).await.map_err(|_elapsed| {
            sqlx::Error::Io(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs()),
            ))
        }),
    }
}

/// Gives its connection back when it is dropped, also while a statement runs: what is left of the
/// answer is read before the connection is used again, or the connection is closed.
pub(crate) struct Lent<DB: Limited> {
    connection: PoolConnection<DB>,
    is_to_close: bool,
}

impl<DB: Limited> Lent<DB> {
    /// A connection for whom `scope` says. (SQLite knows of no such thing.)
    pub(crate) async fn from(pool: &Pool<DB>, scope: Scope) -> Result<Self, sqlx::Error> {
        let lent = LENT_FOR.scope(scope, pool.acquire()).await;
        lent.map(|connection| Self {
            connection,
            is_to_close: false,
        })
    }

    /// Has it closed instead of given back.
    pub(crate) fn close_on_drop(&mut self) {
        self.is_to_close = true;
    }
}

impl<DB: Limited> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Limited> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Limited> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.is_to_close {
            // Which sqlx itself limits to 5 s.
            self.connection.close_on_drop();
        } else if let Some(limit) = DB::STATEMENT_MAX {
            // The rest of a statement that nobody waits for comes first. Dropped at its limit, this
            // gives the place back without the connection.
            let back = self.connection.return_to_pool();
            tokio::spawn(async move { timeout(limit, back).await.is_ok() });
        }
    }
}
