//! Statements outside a transaction, and the task that a transaction runs on.

use std::time::Duration;

use sqlx::{Postgres, Sqlite};

use super::classify::leaves_connection;
use super::lent::{Lent, Limited as _, within};
use super::postgres::{self, PostgresPool};
use super::sqlite::SqlitePools;
use super::transaction::{Open, on};
use super::value::{bytes_of, postgres_query, sqlite_query};
use super::writes::{Turn, Writes};
use super::{Durability, Latch, Row, Transaction, Value, classify};
use crate::error::StoreError;
use crate::scope::Scope;

/// How often a transaction is begun that gives way to another each time.
const TRIES_MAX: u32 = 4;

/// Runs a query on a connection of a pool, which gets it back only while it can be used on. A caller
/// may drop one that does not write half-way (see [`Lent`]).
macro_rules! on_connection {
    ($lend:expr, $limit:expr, $query:expr, $run:ident) => {
        match $lend.await {
            Ok(mut connection) => {
                let answer = $query.$run(&mut *connection);
                let result = within($limit, answer).await.flatten();
                if result
                    .as_ref()
                    .is_err_and(|error| !leaves_connection(error))
                {
                    connection.close_on_drop();
                }
                result
            }
            Err(error) => Err(error),
        }
    };
}

/// The connections to one of the two databases.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Postgres(PostgresPool),
    Sqlite(SqlitePools),
}

impl Database {
    /// Rows of a query that does not write.
    pub(crate) async fn fetch(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.latch().check()?;
        match self {
            Self::Postgres(postgres) => on_connection!(
                Lent::from(&postgres.pool, postgres.scope()),
                Postgres::STATEMENT_MAX,
                postgres_query(sql, values),
                fetch_all
            )
            .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
            Self::Sqlite(pools) => on_connection!(
                Lent::from(&pools.readers, Scope::Nothing),
                Sqlite::STATEMENT_MAX,
                sqlite_query(sql, values),
                fetch_all
            )
            .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
        }
        .map_err(classify)
    }

    /// The first row of a query that does not write, where there is one.
    pub(crate) async fn fetch_optional(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.latch().check()?;
        match self {
            Self::Postgres(postgres) => on_connection!(
                Lent::from(&postgres.pool, postgres.scope()),
                Postgres::STATEMENT_MAX,
                postgres_query(sql, values),
                fetch_optional
            )
            .map(|row| row.map(Row::Postgres)),
            Self::Sqlite(pools) => on_connection!(
                Lent::from(&pools.readers, Scope::Nothing),
                Sqlite::STATEMENT_MAX,
                sqlite_query(sql, values),
                fetch_optional
            )
            .map(|row| row.map(Row::Sqlite)),
        }
        .map_err(classify)
    }

    /// Runs one statement in a transaction of its own, on a task of its own; returns how many rows it
    /// touched. It leaves no audit entry, so it is for what the program does by itself; what staff
    /// changes is a [`Database::write`].
    pub(crate) async fn execute_unaudited(
        &self,
        durability: Durability,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.latch().check()?;
        match self {
            // It commits a lone statement by itself, which saves two round trips.
            Self::Postgres(postgres) => {
                let PostgresPool { pool, writes, .. } = postgres;
                let (pool, query) = (pool.clone(), postgres_query(sql, values));
                // That of the caller's task, not of the one that it runs on.
                let scope = postgres.scope();
                let upload = bytes_of(values) / postgres::UPLOAD_MIN_BYTES_PER_SECOND;
                let limit = postgres::STATEMENT_MAX + Duration::from_secs(upload);
                let work = async move |turn: Turn| {
                    on_connection!(turn.connection(&pool, scope), Some(limit), query, execute)
                        .map(|done| done.rows_affected())
                        .map_err(classify)
                };
                writes.run(work).await
            }
            Self::Sqlite(SqlitePools { writer, writes, .. }) => {
                let (writer, query) = (writer.clone(), sqlite_query(sql, values));
                let work = async move |turn: Turn| {
                    let begin = durability.begin_on_sqlite();
                    let open = Open::<Sqlite>::begin(&writer, Scope::Nothing, turn, begin).await;
                    let mut open = open.map_err(classify)?;
                    let touched = on!(open, |connection| {
                        let done = query.execute(connection).await;
                        done.map(|done| done.rows_affected()).map_err(classify)
                    })?;
                    open.commit().await.map_err(classify)?;
                    Ok(touched)
                };
                writes.run(work).await
            }
        }
    }

    /// Begins a transaction and runs `work` in it, on a task of its own that goes on to its end
    /// whether or not the caller still waits (see [`Writes`]). `work` commits; a transaction that it
    /// drops is rolled back.
    pub(crate) async fn write<T, F>(
        &self,
        durability: Durability,
        work: impl FnOnce(Transaction) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.latch().check()?;
        // Whom the caller's task works for, not the one that this runs on.
        let database = self.within(Some(self.scope()));
        let work = async move |turn: Turn| {
            work(Transaction::begin(&database, durability, turn).await?).await
        };
        self.writes().run(work).await
    }

    /// As [`Database::write`], begun anew where PostgreSQL has ended the transaction so that another one goes on: it
    /// has changed nothing then. For what keeps nothing of an earlier try, as `work` does whose values are its own. A
    /// caller that stops waiting is not gone on for after such an end.
    pub(crate) async fn write_again<T, F>(
        &self,
        durability: Durability,
        work: impl FnOnce(Transaction) -> F + Clone + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut tries = 1;
        loop {
            match self.write(durability, work.clone()).await {
                Err(error) if tries < TRIES_MAX && error.gave_way() => {
                    tracing::warn!(%error, tries, "a transaction gave way to another, and is begun anew");
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// What stands between the database and all who use this handle.
    pub(crate) fn latch(&self) -> &Latch {
        match self {
            Self::Postgres(postgres) => &postgres.latch,
            Self::Sqlite(sqlite) => &sqlite.latch,
        }
    }

    /// The same connections behind another latch.
    pub(crate) fn behind(&self, latch: Latch) -> Self {
        let mut database = self.clone();
        match &mut database {
            Self::Postgres(postgres) => postgres.latch = latch,
            Self::Sqlite(sqlite) => sqlite.latch = latch,
        }
        database
    }

    /// For whom a statement works that is asked for now.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Postgres(postgres) => postgres.scope(),
            Self::Sqlite(_) => Scope::Nothing,
        }
    }

    /// The same connections, for whom `scope` says; `None`: for whom the task works that asks.
    pub(crate) fn within(&self, scope: Option<Scope>) -> Self {
        match self {
            Self::Postgres(postgres) => Self::Postgres(postgres.within(scope)),
            Self::Sqlite(pools) => Self::Sqlite(pools.clone()),
        }
    }

    /// What writes on these connections.
    pub(crate) fn writes(&self) -> &Writes {
        match self {
            Self::Postgres(postgres) => &postgres.writes,
            Self::Sqlite(sqlite) => &sqlite.writes,
        }
    }
}
