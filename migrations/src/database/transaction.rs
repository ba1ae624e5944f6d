//! A transaction that writes.

use sqlx::{Postgres, Sqlite};

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
    Postgres(sqlx::Transaction<'static, Postgres>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    pub(crate) async fn begin(
        database: &Database,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        match database {
            Database::Postgres(pool) => pool.begin().await.map(Self::Postgres),
            // Immediate, because a transaction that reads first and writes later could fail on the
            // way when another process wrote meanwhile.
            Database::Sqlite(pools) => pools
                .writer
                .begin_with(match durability {
                    Durability::Durable => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
                    Durability::Rebuildable => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
                })
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
            Self::Postgres(transaction) => postgres_query(sql, values)
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
            Self::Sqlite(transaction) => sqlite_query(sql, values)
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
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
            Self::Postgres(transaction) => postgres_query(sql, values)
                .fetch_optional(&mut **transaction)
                .await
                .map(|row| row.map(Row::Postgres)),
            Self::Sqlite(transaction) => sqlite_query(sql, values)
                .fetch_optional(&mut **transaction)
                .await
                .map(|row| row.map(Row::Sqlite)),
        }
        .map_err(classify)
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(transaction) => transaction.commit().await,
            Self::Sqlite(transaction) => transaction.commit().await,
        }
        .map_err(classify)
    }
}
