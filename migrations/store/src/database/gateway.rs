//! Statements outside a transaction of the caller's.

use sqlx::postgres::PgPool;

use super::classify::leaves_connection;
use super::sqlite::SqlitePools;
use super::value::{postgres_query, sqlite_query};
use super::{Durability, Row, Transaction, Value, classify};
use crate::error::StoreError;

/// Runs a query on a connection of the pool, which gets it back only while it can be used on.
macro_rules! on_connection {
    ($pool:expr, $query:expr, $run:ident) => {
        match $pool.acquire().await {
            Ok(mut connection) => {
                let result = $query.$run(&mut *connection).await;
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
    Postgres(PgPool),
    Sqlite(SqlitePools),
}

impl Database {
    /// Rows of a query that does not write.
    pub(crate) async fn fetch(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Postgres(pool) => on_connection!(pool, postgres_query(sql, values), fetch_all)
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
            Self::Sqlite(pools) => {
                on_connection!(pools.readers, sqlite_query(sql, values), fetch_all)
                    .map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
        }
        .map_err(classify)
    }

    /// The first row of a query that does not write, where there is one.
    pub(crate) async fn fetch_optional(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Postgres(pool) => {
                on_connection!(pool, postgres_query(sql, values), fetch_optional)
                    .map(|row| row.map(Row::Postgres))
            }
            Self::Sqlite(pools) => {
                on_connection!(pools.readers, sqlite_query(sql, values), fetch_optional)
                    .map(|row| row.map(Row::Sqlite))
            }
        }
        .map_err(classify)
    }

    /// Runs one statement in a transaction of its own; returns how many rows it touched.
    pub(crate) async fn execute(
        &self,
        durability: Durability,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        // PostgreSQL commits a lone statement by itself, which saves two round trips.
        if let Self::Postgres(pool) = self {
            return on_connection!(pool, postgres_query(sql, values), execute)
                .map(|done| done.rows_affected())
                .map_err(classify);
        }
        let mut transaction = Transaction::begin(self, durability).await?;
        let touched = transaction.execute(sql, values).await?;
        transaction.commit().await?;
        Ok(touched)
    }
}
