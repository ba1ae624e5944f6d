//! The migrations, embedded, and whether a database has them.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;

use crate::database::postgres::PostgresPool;
use crate::database::{Database, classify};
use crate::error::StoreError;

static POSTGRES: Migrator = sqlx::migrate!("../postgres");
static SQLITE: Migrator = sqlx::migrate!("../sqlite");

/// Zero is no limit.
const NO_TIME_LIMITS: [(&str, &str); 2] = [("statement_timeout", "0"), ("lock_timeout", "0")];

fn migrator(database: &Database) -> &'static Migrator {
    match database {
        Database::Postgres(_) => &POSTGRES,
        Database::Sqlite(_) => &SQLITE,
    }
}

/// Applies what is missing; returns how many migrations that were.
pub(crate) async fn migrate(database: &Database) -> Result<usize, StoreError> {
    let before = applied(database).await?.len();
    match database {
        Database::Postgres(PostgresPool { pool, .. }) => {
            // A connection of its own without limits of time: building an index may take long.
            let options = pool
                .connect_options()
                .as_ref()
                .clone()
                .options(NO_TIME_LIMITS);
            let own = PgPoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await
                .map_err(classify)?;
            let result = POSTGRES.run(&own).await.map_err(schema_error);
            own.close().await;
            result?;
        }
        Database::Sqlite(pools) => {
            // What the migrations make is kept like the catalog. There is only this connection that
            // writes, so the migrations run on it.
            sqlx::raw_sql("PRAGMA synchronous = FULL")
                .execute(&pools.writer)
                .await
                .map_err(classify)?;
            SQLITE.run(&pools.writer).await.map_err(schema_error)?;
        }
    }
    let after = applied(database).await?.len();
    Ok(after.saturating_sub(before))
}

/// Error unless exactly the migrations that this program knows are applied.
pub(crate) async fn check(database: &Database) -> Result<(), StoreError> {
    let known = migrator(database);
    let applied = applied(database).await?;
    for migration in known.iter() {
        match applied.iter().find(|row| row.version == migration.version) {
            None => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) is missing: run `onsale migrate`",
                    migration.version, migration.description
                )));
            }
            Some(row) if !row.succeeded => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) was begun and not finished: repair by hand, then run \
                     `onsale migrate`",
                    migration.version, migration.description
                )));
            }
            Some(row) if row.checksum != *migration.checksum => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) was applied with another text than this program has",
                    migration.version, migration.description
                )));
            }
            Some(_) => {}
        }
    }
    match applied
        .iter()
        .find(|row| !known.version_exists(row.version))
    {
        Some(row) => Err(StoreError::Schema(format!(
            "migration {:04} is applied, which this program does not know: the database belongs to \
             a later version of Onsale",
            row.version
        ))),
        None => Ok(()),
    }
}

/// Whether any migration was ever applied.
pub(crate) async fn is_there(database: &Database) -> Result<bool, StoreError> {
    Ok(!applied(database).await?.is_empty())
}

struct AppliedMigration {
    version: i64,
    succeeded: bool,
    checksum: Vec<u8>,
}

async fn applied(database: &Database) -> Result<Vec<AppliedMigration>, StoreError> {
    let exists = database
        .fetch_optional(
            match database {
                Database::Postgres(_) => {
                    "SELECT 1 AS found WHERE to_regclass('_sqlx_migrations') IS NOT NULL"
                }
                Database::Sqlite(_) => {
                    "SELECT 1 AS found FROM sqlite_master WHERE name = '_sqlx_migrations'"
                }
            },
            &[],
        )
        .await?;
    if exists.is_none() {
        return Ok(Vec::new());
    }
    database
        .fetch(
            "SELECT version, CASE WHEN success THEN 1 ELSE 0 END AS succeeded, checksum \
             FROM _sqlx_migrations ORDER BY version",
            &[],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(AppliedMigration {
                version: row.signed("version")?,
                succeeded: row.signed("succeeded")? != 0,
                checksum: row.bytes("checksum")?,
            })
        })
        .collect()
}

fn schema_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => classify(error),
        other => StoreError::Schema(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From this number on both databases have the same migrations. Earlier ones differ and stay as
    /// they are: an applied migration never changes.
    const FIRST_IN_COMMON: i64 = 5;

    /// Number and name of those that both should have.
    fn in_common(migrator: &Migrator) -> Vec<(i64, &str)> {
        migrator
            .iter()
            .map(|migration| (migration.version, migration.description.as_ref()))
            .filter(|(version, _)| *version >= FIRST_IN_COMMON)
            .collect()
    }

    #[test]
    fn both_databases_have_one_sequence_of_migrations() {
        let postgres = in_common(&POSTGRES);
        assert_eq!(postgres, in_common(&SQLITE));
        let numbers = postgres.iter().map(|(version, _)| *version);
        assert!(numbers.eq((FIRST_IN_COMMON..).take(postgres.len())));
    }
}
