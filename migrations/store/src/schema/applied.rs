//! Which migrations a database has.

use super::migrator;
use crate::database::{Database, Value};
use crate::error::StoreError;

/// A table of the first migration, which every database of this program has.
const FIRST_TABLE: &str = "events";

/// Error unless exactly the migrations that this program knows are applied.
pub(crate) async fn check(database: &Database) -> Result<(), StoreError> {
    let known = migrator(database);
    let applied = applied(database).await?;
    has_list(database, &applied).await?;
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

/// Whether there is a table of this name.
pub(crate) async fn has_table(database: &Database, name: &str) -> Result<bool, StoreError> {
    let sql = match database {
        Database::Postgres(_) => "SELECT 1 AS found WHERE to_regclass($1) IS NOT NULL",
        Database::Sqlite(_) => "SELECT 1 AS found FROM sqlite_master WHERE name = $1",
    };
    let found = database.fetch_optional(sql, &[Value::from(name)]).await?;
    Ok(found.is_some())
}

/// Whether any migration was ever applied.
pub(crate) async fn is_there(database: &Database) -> Result<bool, StoreError> {
    Ok(!applied(database).await?.is_empty() || has_table(database, FIRST_TABLE).await?)
}

/// Refuses tables without the list of what was applied to them: to apply it again would fail, and to believe
/// that there is nothing would lose everything.
pub(super) async fn has_list(
    database: &Database,
    applied: &[AppliedMigration],
) -> Result<(), StoreError> {
    if applied.is_empty() && has_table(database, FIRST_TABLE).await? {
        return Err(StoreError::Schema(
            "there are tables, and the list of the migrations that created them (_sqlx_migrations) is empty \
             or gone: someone deleted it; nothing was changed. Restore that table from a backup of the \
             database"
                .to_owned(),
        ));
    }
    Ok(())
}

pub(super) struct AppliedMigration {
    version: i64,
    succeeded: bool,
    checksum: Vec<u8>,
}

pub(super) async fn applied(database: &Database) -> Result<Vec<AppliedMigration>, StoreError> {
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
