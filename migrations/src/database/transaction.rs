//! A transaction that writes.
//!
//! A database may end a transaction by itself: SQLite when its disk is full or fails, PostgreSQL
//! with the connection. What sqlx believes of the connection is wrong from then on, and each later
//! transaction on it would fail. So a connection goes back to its pool only after a commit, or after
//! a rollback of a transaction that is known to be there; otherwise it is closed, and the pool makes
//! another one when it is asked next.

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite, TransactionManager as _};

use super::classify::ends_transaction;
use super::value::{postgres_query, sqlite_query};
use super::{Database, Row, Value, classify};
use crate::error::StoreError;

/// What a commit promises on SQLite. PostgreSQL always promises the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// On disk once committed, together with every commit before it: the catalog is mastered here.
    Durable,
    /// After a power cut the latest of these commits may be gone, all of them from some point on;
    /// the log gives them back. No `fsync` competes with the journal's.
    Rebuildable,
}

/// An open transaction. Dropped without a commit it is rolled back.
pub(crate) enum Transaction {
    Postgres(Open<Postgres>),
    Sqlite(Open<Sqlite>),
}

/// The connection of a transaction, and what is known of it.
pub(crate) struct Open<DB: sqlx::Database> {
    connection: PoolConnection<DB>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Something is under way, or has failed so that the transaction may have ended.
    Unsure,
    /// The transaction is there and every statement went through.
    Sound,
    /// The transaction is there; a statement broke a constraint, so it can only be rolled back.
    Refused,
    /// Committed: the connection is free for others.
    Done,
}

impl<DB: sqlx::Database> Open<DB> {
    async fn begin(
        pool: &sqlx::Pool<DB>,
        statement: Option<&'static str>,
    ) -> Result<Self, sqlx::Error> {
        // Dropped half-way, as by a caller that does not wait, it is closed like any other.
        let mut open = Self {
            connection: pool.acquire().await?,
            state: State::Unsure,
        };
        let statement = statement.map(sqlx::SqlSafeStr::into_sql_str);
        DB::TransactionManager::begin(&mut open.connection, statement).await?;
        open.state = State::Sound;
        Ok(open)
    }

    async fn commit(mut self) -> Result<(), sqlx::Error> {
        // PostgreSQL would answer such a COMMIT with a rollback and no error.
        if self.state != State::Sound {
            return Err(sqlx::Error::Protocol(
                "a statement of this transaction has failed: it cannot be committed".to_owned(),
            ));
        }
        self.state = State::Unsure;
        DB::TransactionManager::commit(&mut self.connection).await?;
        self.state = State::Done;
        Ok(())
    }

    /// The connection for a statement, whose result [`Open::noted`] is told.
    fn statement(&mut self) -> (&mut DB::Connection, State) {
        let before = std::mem::replace(&mut self.state, State::Unsure);
        (&mut self.connection, before)
    }

    fn noted<T>(
        &mut self,
        before: State,
        result: Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.state = match &result {
            Ok(_) => before,
            Err(error) if before != State::Unsure && !ends_transaction(error) => State::Refused,
            Err(_) => State::Unsure,
        };
        result
    }
}

impl<DB: sqlx::Database> Drop for Open<DB> {
    fn drop(&mut self) {
        match self.state {
            State::Done => {}
            State::Sound | State::Refused => {
                DB::TransactionManager::start_rollback(&mut self.connection);
            }
            State::Unsure => self.connection.close_on_drop(),
        }
    }
}

impl Transaction {
    pub(crate) async fn begin(
        database: &Database,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        match database {
            Database::Postgres(pool) => Open::begin(pool, None).await.map(Self::Postgres),
            // Immediate, because a transaction that reads first and writes later could fail on the
            // way when another process wrote meanwhile.
            Database::Sqlite(pools) => Open::begin(
                &pools.writer,
                Some(match durability {
                    Durability::Durable => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
                    Durability::Rebuildable => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
                }),
            )
            .await
            .map(Self::Sqlite),
        }
        .map_err(classify)
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        match self {
            Self::Postgres(open) => {
                let (connection, before) = open.statement();
                let result = postgres_query(sql, values).execute(connection).await;
                open.noted(before, result).map(|done| done.rows_affected())
            }
            Self::Sqlite(open) => {
                let (connection, before) = open.statement();
                let result = sqlite_query(sql, values).execute(connection).await;
                open.noted(before, result).map(|done| done.rows_affected())
            }
        }
        .map_err(classify)
    }

    /// The first row, where there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Postgres(open) => {
                let (connection, before) = open.statement();
                let result = postgres_query(sql, values).fetch_optional(connection).await;
                open.noted(before, result).map(|row| row.map(Row::Postgres))
            }
            Self::Sqlite(open) => {
                let (connection, before) = open.statement();
                let result = sqlite_query(sql, values).fetch_optional(connection).await;
                open.noted(before, result).map(|row| row.map(Row::Sqlite))
            }
        }
        .map_err(classify)
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(open) => open.commit().await,
            Self::Sqlite(open) => open.commit().await,
        }
        .map_err(classify)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::sqlite;

    /// Pages that a database of nothing but `filler` may have.
    const PAGES_MAX: &str = "PRAGMA max_page_count = 16";
    /// One more page, and some.
    const FILL: &str = "INSERT INTO filler VALUES (randomblob(8000))";

    /// SQLite ends a transaction by itself when there is no room; a limit on pages is like a full
    /// disk. The limit belongs to the connection.
    #[tokio::test]
    async fn sqlite_that_ran_out_of_room_in_a_transaction_takes_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let pools = sqlite::connect(&folder.path().join("x.db"), 2)
            .await
            .unwrap();
        let database = Database::Sqlite(pools);
        let durability = Durability::Rebuildable;
        let run = |sql| database.execute(durability, sql, &[]);
        run("CREATE TABLE filler (bytes BLOB NOT NULL)")
            .await
            .unwrap();
        for _ in 0..3 {
            let mut full = Transaction::begin(&database, durability).await.unwrap();
            full.execute(PAGES_MAX, &[]).await.unwrap();
            let error = loop {
                if let Err(error) = full.execute(FILL, &[]).await {
                    break error;
                }
            };
            assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
            // The next one finds no connection that believes in a transaction.
            if let Err(error) = full.commit().await {
                assert!(error.to_string().contains("cannot be committed"), "{error}");
            }
            run(FILL).await.unwrap();
        }
        let kept = database
            .fetch("SELECT bytes FROM filler", &[])
            .await
            .unwrap();
        assert_eq!(kept.len(), 3, "what was written without room is gone");
    }

    #[tokio::test]
    async fn a_transaction_with_a_refused_row_is_not_committed() {
        let folder = tempfile::tempdir().unwrap();
        let pools = sqlite::connect(&folder.path().join("x.db"), 2)
            .await
            .unwrap();
        let database = Database::Sqlite(pools);
        let durability = Durability::Durable;
        let run = |sql| database.execute(durability, sql, &[]);
        run("CREATE TABLE one (id INTEGER PRIMARY KEY)")
            .await
            .unwrap();
        let mut transaction = Transaction::begin(&database, durability).await.unwrap();
        let insert = "INSERT INTO one VALUES (1)";
        transaction.execute(insert, &[]).await.unwrap();
        transaction.execute(insert, &[]).await.unwrap_err();
        transaction.commit().await.unwrap_err();
        run(insert).await.unwrap();
    }
}
