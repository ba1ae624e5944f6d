//! The migrations, embedded, and whether a database has them.

mod applied;
mod later;
mod migrate;
mod objects;
mod texts;

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::database::Database;

pub(crate) use self::applied::{check, has_table, is_there, later};
pub use self::later::LaterMigrations;
pub(crate) use self::migrate::migrate;
pub use self::objects::MissingObject;
pub(crate) use self::objects::missing;

/// Number, name and text of each migration: the build script lists the files.
mod files {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| embedded(files::POSTGRES));
static SQLITE: LazyLock<Migrator> = LazyLock::new(|| embedded(files::SQLITE));

fn embedded(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(number, name, text): &(i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(text);
        // One that begins so cannot run in a transaction.
        let without_transaction = text.starts_with("-- no-transaction");
        let kind = MigrationType::Simple;
        Migration::new(number, name.into(), kind, sql, without_transaction)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

fn migrator(database: &Database) -> &'static Migrator {
    match database {
        Database::Postgres(_) => &POSTGRES,
        Database::Sqlite(_) => &SQLITE,
    }
}

/// A name for the migrations of one kind of database: another text or another number gives another name.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint(is_postgres: bool) -> String {
    let migrator = if is_postgres { &POSTGRES } else { &SQLITE };
    let mut hasher = blake3::Hasher::new();
    for migration in migrator.iter() {
        hasher.update(&migration.version.to_le_bytes());
        hasher.update(&migration.checksum);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// The text of a migration, to be run by hand where what it created was deleted by hand.
pub(crate) fn text(is_postgres: bool, version: i64) -> Option<&'static str> {
    let migrator = if is_postgres { &POSTGRES } else { &SQLITE };
    let found = migrator
        .iter()
        .find(|migration| migration.version == version)?;
    Some(found.sql.as_str())
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
