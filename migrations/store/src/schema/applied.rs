//! Which migrations a database has.

use sqlx::migrate::Migrator;

use super::later::LaterMigrations;
use super::migrator;
use crate::database::{Database, Value};
use crate::error::StoreError;

/// A table of the first migration, which every database of this program has.
const FIRST_TABLE: &str = "events";

/// Error unless all migrations that this program knows are applied, as it knows them. Those of a later version are
/// let pass: they only add ([`later`] names them).
pub(crate) async fn check(database: &Database) -> Result<(), StoreError> {
    let applied = applied(database).await?;
    has_list(database, &applied).await?;
    match fit(migrator(database), &applied) {
        Fit::Whole => Ok(()),
        Fit::Lacks(why) | Fit::Wrong(why) => Err(StoreError::Schema(why)),
    }
}

/// Migrations that the database has and this program does not know.
pub(crate) async fn later(database: &Database) -> Result<LaterMigrations, StoreError> {
    let applied = applied(database).await?;
    Ok(unknown(migrator(database), &applied))
}

/// How what was applied fits what this program knows.
pub(super) enum Fit {
    /// All that it knows is there.
    Whole,
    /// Something is missing, which can be applied; and what, in words.
    Lacks(String),
    /// Nothing may be applied; and why, in words.
    Wrong(String),
}

pub(super) fn fit(known: &Migrator, applied: &[AppliedMigration]) -> Fit {
    let mut missing = None;
    for migration in known.iter() {
        let name = format!("{:04} ({})", migration.version, migration.description);
        match applied.iter().find(|row| row.version == migration.version) {
            None => missing = missing.or(Some(name)),
            Some(row) if !row.succeeded => {
                return Fit::Wrong(format!(
                    "migration {name} was begun and not finished: repair by hand, then run `onsale migrate`"
                ));
            }
            Some(row) if row.checksum != *migration.checksum => {
                return Fit::Wrong(format!(
                    "migration {name} was applied with another text than this program has"
                ));
            }
            Some(_) => {}
        }
    }
    let later = unknown(known, applied);
    match missing {
        None => Fit::Whole,
        Some(name) if later.is_empty() => {
            Fit::Lacks(format!("migration {name} is missing: run `onsale migrate`"))
        }
        // What comes later may build on it otherwise than this program would.
        Some(name) => Fit::Wrong(format!(
            "migration {name} is missing, and {later} of a later version of Onsale is applied: nothing was \
             changed. Run `onsale migrate` of that version"
        )),
    }
}

fn unknown(known: &Migrator, applied: &[AppliedMigration]) -> LaterMigrations {
    let numbers = applied.iter().map(|row| row.version);
    LaterMigrations {
        numbers: numbers
            .filter(|number| !known.version_exists(*number))
            .collect(),
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
