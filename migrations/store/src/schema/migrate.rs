//! Applying the migrations.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::time::{Instant, sleep};

use super::applied::{applied, check, has_list};
use super::{POSTGRES, SQLITE};
use crate::database::postgres::PostgresPool;
use crate::database::{Database, classify, within};
use crate::error::StoreError;
use crate::scope;

/// Zero is no limit. A lock is waited for only for moments: who comes behind a migration that waits for a table
/// waits for it too, also to read. What a migration changes, it changes for all tenants.
const MIGRATING: [(&str, &str); 3] = [
    ("statement_timeout", "0"),
    ("lock_timeout", "2s"),
    (scope::SCOPE, scope::INSTALLATION),
];

/// `lock_not_available` and `deadlock_detected`: others are at the tables that a migration changes.
const LOCKED_OUT: [&str; 2] = ["55P03", "40P01"];
/// Between two tries to get the locks; everyone else gets on meanwhile.
const LOCKS_PAUSE: Duration = Duration::from_secs(3);
/// How often it is said that it waits for them.
const LOCKS_SAID_EVERY: Duration = Duration::from_secs(60);
/// How long it is tried again: longer than a backup of a large database.
const LOCKS_MAX: Duration = Duration::from_secs(14_400);

/// How long the migrations may take in all; a server that falls silent meanwhile ends them no sooner.
const MIGRATION_MAX: Duration = Duration::from_secs(86_400);
/// How long closing their connection may take.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Applies what is missing; returns how many migrations that were.
pub(crate) async fn migrate(database: &Database) -> Result<usize, StoreError> {
    // Looking costs a role nothing that may not create anything, as one that the program has on PostgreSQL
    // where another role owns the tables.
    if check(database).await.is_ok() {
        return Ok(0);
    }
    let before = applied(database).await?;
    has_list(database, &before).await?;
    match database {
        Database::Postgres(PostgresPool { pool, .. }) => {
            migrate_postgres(pool).await?;
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
    Ok(after.saturating_sub(before.len()))
}

/// Each migration is a transaction: one that does not get its locks has changed nothing, and begins again.
async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let began = Instant::now();
    let mut said_at: Option<Instant> = None;
    loop {
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
        match answer.map_err(classify)? {
            Err(error) if is_locked_out(&error) && began.elapsed() < LOCKS_MAX => {
                if said_at.is_none_or(|at| at.elapsed() >= LOCKS_SAID_EVERY) {
                    said_at = Some(Instant::now());
                    tracing::warn!(
                        %error,
                        "others are at the tables that a migration changes, or migrate themselves; it tries again \
                         until they are not"
                    );
                }
                sleep(LOCKS_PAUSE).await;
            }
            answer => return answer.map_err(schema_error),
        }
    }
}

fn is_locked_out(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    matches!(error, sqlx::Error::Database(cause)
        if cause.code().is_some_and(|code| LOCKED_OUT.contains(&code.as_ref())))
}

fn schema_error(error: MigrateError) -> StoreError {
    let is_locked_out = is_locked_out(&error);
    match error {
        MigrateError::Execute(error) => classify(error),
        MigrateError::ExecuteMigration(error, _) if is_locked_out => classify(error),
        other => StoreError::Schema(other.to_string()),
    }
}
