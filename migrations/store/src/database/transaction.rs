//! A transaction that writes. It begins, runs and ends on a task of its own, see [`Database::write`],
//! so that no caller leaves it half-way.
//!
//! A database may end a transaction by itself: SQLite when its disk is full or fails, PostgreSQL
//! with the connection. What sqlx believes of the connection is wrong from then on, and each later
//! transaction on it would fail. So a connection goes back to its pool only after a commit, or after
//! a rollback of a transaction that is known to be there; otherwise it is closed, and the pool makes
//! another one when it is asked next.

use std::time::Duration;

use sqlx::{Postgres, Sqlite};

use super::classify::ends_transaction;
use super::lent::{Lent, Limited, within};
use super::value::{postgres_query, sqlite_query};
use super::writes::Turn;
use super::{Database, Row, Value, classify, postgres, told, trail};
use crate::audit::Audit;
use crate::error::StoreError;
use crate::scope::Scope;

/// What a commit promises on SQLite. PostgreSQL always promises the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// On disk once committed, together with every commit before it: the catalog is mastered here.
    Durable,
    /// After a power cut the latest of these commits may be gone, all of them from some point on;
    /// the log gives them back. No `fsync` competes with the journal's.
    Rebuildable,
}

impl Durability {
    /// Immediate, because a transaction that reads first and writes later could fail on the way when
    /// another process wrote meanwhile.
    pub(super) fn begin_on_sqlite(self) -> &'static str {
        match self {
            Self::Durable => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Self::Rebuildable => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        }
    }
}

/// An open transaction. Dropped without a commit it is rolled back.
pub(crate) enum Transaction {
    Postgres(Open<Postgres>),
    Sqlite(Open<Sqlite>),
}

/// The connection of a transaction, and what is known of it. Its beginning and end are statements
/// like others: sqlx keeps a count of its own of what it begins, which is what goes wrong.
pub(crate) struct Open<DB: Limited> {
    /// `None` once it is given back.
    connection: Option<Lent<DB>>,
    state: State,
    /// How long a statement may take.
    limit: Option<Duration>,
    /// Given back after the connection.
    turn: Option<Turn>,
    roll_back: fn(Lent<DB>, Option<Turn>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Something is under way, or has failed so that the transaction may have ended.
    Unsure,
    /// The transaction is there and every statement went through.
    Sound,
    /// The transaction is there; a statement was refused, so it can only be rolled back.
    Refused,
    /// Committed: the connection is free for others.
    Done,
}

macro_rules! open {
    ($database:ty, $roll_back:ident) => {
        impl Open<$database> {
            pub(super) async fn begin(
                pool: &sqlx::Pool<$database>,
                scope: Scope,
                turn: Turn,
                statement: &'static str,
            ) -> Result<Self, sqlx::Error> {
                let mut open = Self {
                    connection: Some(turn.connection(pool, scope).await?),
                    // Dropped half-way, as by a runtime that ends, it is closed.
                    state: State::Unsure,
                    limit: <$database>::STATEMENT_MAX,
                    turn: Some(turn),
                    roll_back: $roll_back,
                };
                open.run(statement).await?;
                open.state = State::Sound;
                Ok(open)
            }

            pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
                // PostgreSQL would answer such a COMMIT with a rollback and no error.
                if self.state != State::Sound {
                    return Err(sqlx::Error::Protocol(
                        "a statement of this transaction has failed: it cannot be committed"
                            .to_owned(),
                    ));
                }
                self.state = State::Unsure;
                self.run("COMMIT").await?;
                self.state = State::Done;
                Ok(())
            }

            async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
                match &mut self.connection {
                    Some(connection) => {
                        let answer = sqlx::raw_sql(sql).execute(&mut **connection);
                        within(self.limit, answer).await.flatten().map(drop)
                    }
                    None => Err(sqlx::Error::PoolClosed),
                }
            }
        }

        fn $roll_back(mut connection: Lent<$database>, turn: Option<Turn>) {
            // The next caller of the pool waits for it, as for any connection on its way back.
            tokio::spawn(async move {
                let answer = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
                let limit = <$database>::STATEMENT_MAX;
                if within(limit, answer).await.flatten().is_err() {
                    connection.close_on_drop();
                }
                drop(connection);
                drop(turn);
            });
        }
    };
}

open!(Postgres, roll_back_postgres);
open!(Sqlite, roll_back_sqlite);

impl<DB: Limited> Open<DB> {
    /// The connection and how long it may take, for statements whose result goes to [`Open::noted`].
    pub(crate) fn connection(
        &mut self,
    ) -> Result<(&mut DB::Connection, Option<Duration>, State), StoreError> {
        let before = std::mem::replace(&mut self.state, State::Unsure);
        match &mut self.connection {
            Some(connection) => Ok((connection, self.limit, before)),
            None => Err(StoreError::Unreachable(sqlx::Error::PoolClosed)),
        }
    }

    pub(crate) fn noted<T>(
        &mut self,
        before: State,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.state = match &result {
            Ok(_) => before,
            Err(StoreError::Unreachable(_)) => State::Unsure,
            Err(StoreError::Database(error)) if ends_transaction(error) => State::Unsure,
            Err(_) if before == State::Unsure => State::Unsure,
            Err(_) => State::Refused,
        };
        result
    }
}

impl<DB: Limited> Drop for Open<DB> {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            match self.state {
                State::Done => {}
                State::Sound | State::Refused => (self.roll_back)(connection, self.turn.take()),
                State::Unsure => connection.close_on_drop(),
            }
        }
    }
}

/// Runs an expression of `sqlx`'s on the connection of an open transaction.
macro_rules! on {
    ($open:expr, |$connection:ident| $result:expr) => {{
        let ($connection, limit, before) = $open.connection()?;
        let answered = $crate::database::within(limit, async { $result }).await;
        let result = answered.map_err($crate::database::classify).flatten();
        $open.noted(before, result)
    }};
}
pub(crate) use on;

impl Transaction {
    pub(super) async fn begin(
        database: &Database,
        durability: Durability,
        turn: Turn,
    ) -> Result<Self, StoreError> {
        match database {
            Database::Postgres(postgres) => {
                Open::<Postgres>::begin(&postgres.pool, postgres.scope(), turn, "BEGIN")
                    .await
                    .map(Self::Postgres)
            }
            Database::Sqlite(sqlite) => {
                let begin = durability.begin_on_sqlite();
                Open::<Sqlite>::begin(&sqlite.writer, Scope::Nothing, turn, begin)
                    .await
                    .map(Self::Sqlite)
            }
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
            Self::Postgres(open) => on!(open, |connection| {
                let done = postgres_query(sql, values).execute(connection).await;
                done.map(|done| done.rows_affected()).map_err(classify)
            }),
            Self::Sqlite(open) => on!(open, |connection| {
                let done = sqlite_query(sql, values).execute(connection).await;
                done.map(|done| done.rows_affected()).map_err(classify)
            }),
        }
    }

    /// All rows of a statement.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Postgres(open) => on!(open, |connection| {
                let rows = postgres_query(sql, values).fetch_all(connection).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
                    .map_err(classify)
            }),
            Self::Sqlite(open) => on!(open, |connection| {
                let rows = sqlite_query(sql, values).fetch_all(connection).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
                    .map_err(classify)
            }),
        }
    }

    /// The first row, where there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Postgres(open) => on!(open, |connection| {
                let row = postgres_query(sql, values).fetch_optional(connection).await;
                row.map(|row| row.map(Row::Postgres)).map_err(classify)
            }),
            Self::Sqlite(open) => on!(open, |connection| {
                let row = sqlite_query(sql, values).fetch_optional(connection).await;
                row.map(|row| row.map(Row::Sqlite)).map_err(classify)
            }),
        }
    }

    /// Lets the next statements of this transaction take an hour. (Only on PostgreSQL is there a
    /// limit.)
    pub(crate) async fn raise_statement_timeout(&mut self) -> Result<(), StoreError> {
        self.set_on_postgres(postgres::RAISE_STATEMENT_TIMEOUT)
            .await?;
        if let Self::Postgres(open) = self {
            open.limit = Some(postgres::RAISED_STATEMENT_MAX);
        }
        Ok(())
    }

    /// Limits statements again, as everywhere.
    pub(crate) async fn restore_statement_timeout(&mut self) -> Result<(), StoreError> {
        if let Self::Postgres(open) = self {
            open.limit = Postgres::STATEMENT_MAX;
        }
        self.set_on_postgres("SET LOCAL statement_timeout TO DEFAULT")
            .await
    }

    /// Lets the rest of this transaction see and change everything, whoever asked for it: for what follows from
    /// a change in one tenant and is no tenant's, such as the end of a person's sessions.
    pub(crate) async fn go_on_for_installation(&mut self) -> Result<(), StoreError> {
        self.set_on_postgres("SET LOCAL onsale.scope = 'installation'")
            .await
    }

    /// Changes a setting of PostgreSQL's until the transaction ends.
    pub(crate) async fn set_on_postgres(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Postgres(_) => self.execute(sql, &[]).await.map(drop),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Ends the transaction, and writes down who changed what where staff did, or says why not; and what the call
    /// answers, where an entry says it.
    pub(crate) async fn commit(mut self, audit: impl Into<Audit>) -> Result<(), StoreError> {
        let audit = audit.into();
        for entry in audit.entries() {
            if let Some(answer) = &entry.answer {
                told::remember(&mut self, answer).await?;
            }
        }
        if !audit.entries().is_empty() {
            trail::write(&mut self, audit.entries()).await?;
        }
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
    use crate::audit::Unaudited;
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
        let run = |sql| database.execute_unaudited(durability, sql, &[]);
        run("CREATE TABLE filler (bytes BLOB NOT NULL)")
            .await
            .unwrap();
        for _ in 0..3 {
            let error = database
                .write(durability, |mut full| async move {
                    full.execute(PAGES_MAX, &[]).await?;
                    let error = loop {
                        if let Err(error) = full.execute(FILL, &[]).await {
                            break error;
                        }
                    };
                    // The next one finds no connection that believes in a transaction.
                    if let Err(error) = full.commit(Unaudited::Automatic).await {
                        assert!(error.to_string().contains("cannot be committed"), "{error}");
                    }
                    Ok(error)
                })
                .await
                .unwrap();
            assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
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
        let run = |sql| database.execute_unaudited(durability, sql, &[]);
        run("CREATE TABLE one (id INTEGER PRIMARY KEY)")
            .await
            .unwrap();
        let insert = "INSERT INTO one VALUES (1)";
        database
            .write(durability, move |mut transaction| async move {
                transaction.execute(insert, &[]).await?;
                transaction.execute(insert, &[]).await.unwrap_err();
                let refused = transaction.commit(Unaudited::Automatic).await;
                refused.unwrap_err();
                Ok(())
            })
            .await
            .unwrap();
        run(insert).await.unwrap();
    }
}
