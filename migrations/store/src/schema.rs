//! The migrations, embedded, and whether a database has them.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;

use crate::database::postgres::PostgresPool;
use crate::database::{Database, classify, within};
use crate::error::StoreError;
use crate::scope;

static POSTGRES: Migrator = sqlx::migrate!("../postgres");
static SQLITE: Migrator = sqlx::migrate!("../sqlite");

/// What the migrations leave, a line for each: tables, columns, indexes, triggers, policies and the views that
/// the program reads.
const POSTGRES_OBJECTS: &str = include_str!("schema/postgres.txt");
const SQLITE_OBJECTS: &str = include_str!("schema/sqlite.txt");

/// A trigger that is switched off is as good as none, and so is a policy that does not bind the table's owner.
const POSTGRES_FOUND: &str = "SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'i' THEN 'index ' \
         ELSE 'table ' END || c.relname AS object \
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'i') \
     UNION ALL SELECT 'column ' || c.relname || '.' || a.attname \
     FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p') \
         AND a.attnum > 0 AND NOT a.attisdropped \
     UNION ALL SELECT 'trigger ' || t.tgname \
     FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND NOT t.tgisinternal AND t.tgenabled <> 'D' \
     UNION ALL SELECT 'policy ' || c.relname || '.' || p.polname \
     FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relrowsecurity AND c.relforcerowsecurity";
const SQLITE_FOUND: &str = "SELECT type || ' ' || name AS object FROM sqlite_master \
     UNION ALL SELECT 'column ' || m.name || '.' || c.name \
     FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'";

/// Zero is no limit. What a migration changes, it changes for all tenants.
const MIGRATING: [(&str, &str); 3] = [
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    (scope::SCOPE, scope::INSTALLATION),
];

/// How long the migrations may take in all; a server that falls silent meanwhile ends them no sooner.
const MIGRATION_MAX: Duration = Duration::from_secs(86_400);
/// How long closing their connection may take.
const CLOSE_MAX: Duration = Duration::from_secs(5);

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
            let options = pool.connect_options().as_ref().clone().options(MIGRATING);
            let own = PgPoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await
                .map_err(classify)?;
            let answer = within(Some(MIGRATION_MAX), POSTGRES.run(&own)).await;
            // One that is silent cannot be closed in order.
            let _closed = within(Some(CLOSE_MAX), own.close()).await;
            answer.map_err(classify)?.map_err(schema_error)?;
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

/// Something that the migrations have left and that is no longer there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingObject {
    /// What it is and its name, as `table audit` or `column jobs.state`.
    pub object: String,
    /// The migration that creates it, where its text says so.
    pub migration: Option<i64>,
}

impl std::fmt::Display for MissingObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.object)?;
        match self.migration {
            Some(version) => write!(f, " (migration {version:04})"),
            None => Ok(()),
        }
    }
}

/// What of the migrations' work is missing. Columns, indexes, triggers and policies of a table that is missing
/// are not named.
pub(crate) async fn missing(database: &Database) -> Result<Vec<MissingObject>, StoreError> {
    let (expected, found) = match database {
        Database::Postgres(_) => (POSTGRES_OBJECTS, POSTGRES_FOUND),
        Database::Sqlite(_) => (SQLITE_OBJECTS, SQLITE_FOUND),
    };
    let found = database.fetch(found, &[]).await?;
    let found = found.iter().map(|row| row.text("object"));
    let found: BTreeSet<String> = found.collect::<Result<_, _>>()?;
    let mut missing: Vec<MissingObject> = expected
        .lines()
        .filter(|object| !found.contains(*object))
        .map(|object| MissingObject {
            object: object.to_owned(),
            migration: creating(migrator(database), object),
        })
        .collect();
    let tables: Vec<String> = missing
        .iter()
        .filter_map(|missing| missing.object.strip_prefix("table "))
        .map(str::to_owned)
        .collect();
    missing.retain(|missing| {
        let (kind, name) = missing.object.split_once(' ').unwrap_or_default();
        kind == "table" || !tables.iter().any(|table| is_part_of(name, table))
    });
    Ok(missing)
}

/// Whether a column, index, trigger or policy has the name of its table in front.
fn is_part_of(name: &str, table: &str) -> bool {
    let rest = name.strip_prefix(table);
    rest.is_some_and(|rest| rest.starts_with(['.', '_']))
}

/// The migration whose text creates an object.
fn creating(migrator: &Migrator, object: &str) -> Option<i64> {
    let (kind, name) = object.split_once(' ')?;
    let head = match (kind, name.split_once('.')) {
        ("policy", Some((table, _))) => format!("onsale_isolate('{table}'"),
        _ => format!("CREATE {} {name} ", kind.to_uppercase()),
    };
    let found = migrator
        .iter()
        .find(|migration| migration.sql.as_str().contains(&head));
    found.map(|migration| migration.version)
}

/// The text of a migration, to be run by hand where what it created was deleted by hand.
pub(crate) fn text(is_postgres: bool, version: i64) -> Option<&'static str> {
    let migrator = if is_postgres { &POSTGRES } else { &SQLITE };
    let found = migrator
        .iter()
        .find(|migration| migration.version == version)?;
    Some(found.sql.as_str())
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
