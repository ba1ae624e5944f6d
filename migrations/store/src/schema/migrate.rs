//! Applying the migrations.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::time::{Instant, sleep};

use super::applied::{Fit, applied, check, fit, has_list};
use super::{POSTGRES, SQLITE, migrator};
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
/// `insufficient_privilege`: the role does not own the tables.
const NOT_ALLOWED: &str = "42501";
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

/// Applies what is missing; returns how many migrations that were. A database of a later version stays as it is.
pub(crate) async fn migrate(database: &Database) -> Result<usize, StoreError> {
    // Looking costs a role nothing that may not create anything, as one that the program has on PostgreSQL
    // where another role owns the tables.
    let before = applied(database).await?;
    has_list(database, &before).await?;
    let lacks = match fit(migrator(database), &before) {
        Fit::Whole => return Ok(0),
        Fit::Lacks(why) => why,
        Fit::Wrong(why) => return Err(StoreError::Schema(why)),
    };
    if let Err(error) = apply(database, &lacks).await {
        // Another node was faster, perhaps of a later version, whose migrations the library does not let pass.
        return check(database).await.map(|()| 0).map_err(|_left| error);
    }
    let after = applied(database).await?.len();
    Ok(after.saturating_sub(before.len()))
}

/// Applies what `lacks` says is missing.
async fn apply(database: &Database, lacks: &str) -> Result<(), StoreError> {
    match database {
        Database::Postgres(PostgresPool { pool, .. }) => migrate_postgres(pool, lacks).await,
        Database::Sqlite(pools) => {
            // What the migrations make is kept like the catalog. There is only this connection that
            // writes, so the migrations run on it.
            sqlx::raw_sql("PRAGMA synchronous = FULL")
                .execute(&pools.writer)
                .await
                .map_err(classify)?;
            let ran = SQLITE.run(&pools.writer).await;
            ran.map_err(|error| schema_error(error, lacks))
        }
    }
}

/// Each migration is a transaction: one that does not get its locks has changed nothing, and begins again.
async fn migrate_postgres(pool: &PgPool, lacks: &str) -> Result<(), StoreError> {
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
            answer => return answer.map_err(|error| schema_error(error, lacks)),
        }
    }
}

fn is_locked_out(error: &MigrateError) -> bool {
    code(error).is_some_and(|code| LOCKED_OUT.contains(&code.as_str()))
}

/// What the database gave as the kind of its error.
fn code(error: &MigrateError) -> Option<String> {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return None;
    };
    match error {
        sqlx::Error::Database(cause) => Some(cause.code()?.into_owned()),
        _ => None,
    }
}

fn schema_error(error: MigrateError, lacks: &str) -> StoreError {
    if code(&error).as_deref() == Some(NOT_ALLOWED) {
        return StoreError::Schema(format!(
            "{lacks} as the role that owns the tables (this one may not: {error})"
        ));
    }
    let is_locked_out = is_locked_out(&error);
    match error {
        MigrateError::Execute(error) => classify(error),
        MigrateError::ExecuteMigration(error, _) if is_locked_out => classify(error),
        other => StoreError::Schema(other.to_string()),
    }
}
