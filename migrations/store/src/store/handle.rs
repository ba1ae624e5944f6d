//! The handle: connecting, the schema, and whether the database answers.

use std::path::Path;

#[cfg(feature = "testing")]
use crate::database::Lent;
use crate::database::postgres::PostgresPool;
use crate::database::tls::{self, Transport};
use crate::database::{Database, Durability, Latch, postgres, sqlite};
use crate::error::StoreError;
use crate::schema::{self, LaterMigrations, MissingObject};
use crate::scope::Scope;
use crate::shadows;

/// A handle to the database, cheap to clone. Futures of its methods may be dropped at any point (see
/// the crate's documentation).
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) database: Database,
}

impl Store {
    /// Opens `sqlite://PATH` (made when missing, WAL) or `postgres://…` with at most
    /// `connections_max` connections (SQLite: one writes, the others read, at least two). Does not
    /// touch the schema.
    ///
    /// # Errors
    /// [`StoreError::Url`] for anything else, [`StoreError::Unreachable`] and
    /// [`StoreError::Database`] as the database says.
    pub async fn connect(url: &str, connections_max: u32) -> Result<Self, StoreError> {
        let database = match url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => {
                Database::Postgres(postgres::connect(url, connections_max).await?)
            }
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() || path.starts_with(":memory:") || path.contains('?') {
                    return Err(StoreError::Url(url.to_owned()));
                }
                Database::Sqlite(sqlite::connect(Path::new(path), connections_max).await?)
            }
            _ => return Err(StoreError::Url(postgres::redacted(url))),
        };
        Ok(Self { database })
    }

    /// As [`Store::connect`], but for PostgreSQL without connecting yet: for a process that has to
    /// start while the database is down. Call it inside a runtime.
    ///
    /// # Errors
    /// As [`Store::connect`], except that PostgreSQL need not be reached.
    pub async fn connect_lazily(url: &str, connections_max: u32) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => Ok(Self {
                database: Database::Postgres(postgres::connect_lazily(url, connections_max)?),
            }),
            _ => Self::connect(url, connections_max).await,
        }
    }

    /// A handle to the same connections whose every call is [`StoreError::Unreachable`] until its latch is
    /// opened: for all who are not to use a database before it was looked at through this handle.
    pub fn behind_latch(&self) -> (Self, Latch) {
        let latch = Latch::closed();
        let database = self.database.behind(latch.clone());
        (Self { database }, latch)
    }

    /// A handle past the latch, for reading what is itself compared with the log: snapshots name the log
    /// that they belong to, and tell whether it was lost.
    pub fn past_latch(&self) -> Self {
        let database = self.database.behind(Latch::opened());
        Self { database }
    }

    /// Why the database was refused, while it is.
    pub fn refused(&self) -> Option<String> {
        self.database.latch().refused()
    }

    /// Completes once calls go through.
    pub async fn until_open(&self) {
        self.database.latch().until_open().await;
    }

    /// The same database for what the program does for the installation as a whole: projection, jobs,
    /// reconciliation, the command line, people's accounts, and finding out whose something is. It sees every
    /// tenant's data.
    #[must_use]
    pub fn for_installation(&self) -> Self {
        self.within(Scope::Installation)
    }

    /// The same database for those for whom the calling task works, see [`Scope::cover`]. A new handle is of
    /// this kind, and sees nothing in a task that works for nobody.
    #[must_use]
    pub fn for_callers(&self) -> Self {
        Self {
            database: self.database.within(None),
        }
    }

    /// The same database within a scope. (SQLite keeps no tenants apart.)
    #[must_use]
    pub fn within(&self, scope: Scope) -> Self {
        Self {
            database: self.database.within(Some(scope)),
        }
    }

    /// The role of the database that this program connects as, where no policy binds it: a superuser, or one
    /// with `BYPASSRLS`. Then the second layer between tenants is not there. `None` where there is nothing to
    /// say, as on SQLite.
    ///
    /// # Errors
    /// As every read.
    pub async fn role_beyond_policies(&self) -> Result<Option<String>, StoreError> {
        match &self.database {
            Database::Postgres(_) => self
                .database
                .fetch_optional(
                    "SELECT rolname::text AS role FROM pg_roles WHERE rolname = current_user \
                     AND (rolsuper OR rolbypassrls)",
                    &[],
                )
                .await?
                .map(|row| row.text("role"))
                .transpose(),
            Database::Sqlite(_) => Ok(None),
        }
    }

    /// How connections to the database are protected; `None` for a file of this machine.
    ///
    /// # Errors
    /// As every read.
    pub async fn transport(&self) -> Result<Option<Transport>, StoreError> {
        let Database::Postgres(postgres) = &self.database else {
            return Ok(None);
        };
        let row = self
            .database
            .fetch_optional(
                "SELECT CAST(ssl AS integer) AS is_encrypted FROM pg_stat_ssl \
                 WHERE pid = pg_backend_pid()",
                &[],
            )
            .await?;
        let is_encrypted = row.map_or(Ok(0), |row| row.signed("is_encrypted"))?;
        let options = postgres.pool.connect_options();
        Ok(Some(tls::transport(&options, is_encrypted != 0)))
    }

    /// How many connections read at a time at most.
    pub fn read_connections_max(&self) -> u32 {
        match &self.database {
            Database::Postgres(postgres) => postgres.pool.options().get_max_connections(),
            Database::Sqlite(pools) => pools.readers.options().get_max_connections(),
        }
    }

    /// Applies missing migrations; returns how many. A database of a later version stays as it is
    /// ([`Store::later_migrations`]).
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the database was migrated by another history of migrations, or this role of it
    /// may not apply what is missing.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        self.database.latch().check()?;
        let database = self.database.clone();
        let work = |turn| async move {
            let migrated = schema::migrate(&database).await;
            drop(turn);
            migrated
        };
        self.database.writes().run(work).await
    }

    /// Error unless every migration this program knows is applied. It works with a database of a later version,
    /// too.
    ///
    /// # Errors
    /// [`StoreError::Schema`] with what to do.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        schema::check(&self.database).await
    }

    /// Migrations of a later version of this program that the database has.
    ///
    /// # Errors
    /// As every read.
    pub async fn later_migrations(&self) -> Result<LaterMigrations, StoreError> {
        schema::later(&self.database).await
    }

    /// Tables, columns, indexes and triggers that the applied migrations have left and that someone has
    /// deleted since; empty where all are there.
    ///
    /// # Errors
    /// As every read.
    pub async fn missing_objects(&self) -> Result<Vec<MissingObject>, StoreError> {
        schema::missing(&self.database).await
    }

    /// Operators and functions beside the tables, or in another schema of the path, that have the names of
    /// PostgreSQL's own and could be taken in their place, each with its schema and types. No migration creates
    /// any.
    ///
    /// # Errors
    /// As every read.
    pub async fn shadowing_objects(&self) -> Result<Vec<String>, StoreError> {
        shadows::shadows(&self.database).await
    }

    /// The statements of a migration of this kind of database; `None` when there is none of that number.
    pub fn migration_text(&self, version: i64) -> Option<&'static str> {
        let is_postgres = matches!(self.database, Database::Postgres(_));
        schema::text(is_postgres, version)
    }

    /// False where no migration was ever applied: there is nothing of this program in the database.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_schema(&self) -> Result<bool, StoreError> {
        schema::is_there(&self.database).await
    }

    /// The database's clock, in milliseconds since 1970: one for all that share the database.
    ///
    /// # Errors
    /// As every read.
    pub async fn clock_ms(&self) -> Result<u64, StoreError> {
        self.database
            .fetch_optional("SELECT now_ms FROM database_clock", &[])
            .await?
            .map_or(Ok(0), |row| row.number("now_ms"))
    }

    /// Runs statements as someone does by hand, without transaction and audit: for tests.
    ///
    /// # Errors
    /// As the database says.
    #[cfg(feature = "testing")]
    pub async fn by_hand(&self, sql: &str) -> Result<(), StoreError> {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        match &self.database {
            Database::Postgres(postgres) => {
                match Lent::from(&postgres.pool, postgres.scope()).await {
                    Ok(mut lent) => sql.execute(&mut *lent).await.map(drop),
                    Err(error) => Err(error),
                }
            }
            Database::Sqlite(pools) => sql.execute(&pools.writer).await.map(drop),
        }
        .map_err(crate::database::classify)
    }

    /// `(in use, idle)` connections.
    pub fn connections(&self) -> (u32, u32) {
        let (size, idle) = match &self.database {
            Database::Postgres(PostgresPool { pool, .. }) => (pool.size(), pool.num_idle()),
            Database::Sqlite(pools) => (
                pools.writer.size() + pools.readers.size(),
                pools.writer.num_idle() + pools.readers.num_idle(),
            ),
        };
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        (size.saturating_sub(idle), idle)
    }

    /// Makes every projection committed so far survive a power cut.
    ///
    /// SQLite commits projections without an `fsync` (PostgreSQL commits durably, there this does
    /// nothing). Call it before something is removed that an older watermark would need: snapshots
    /// at or below the watermark, or the log behind it.
    ///
    /// # Errors
    /// As every write.
    pub async fn make_durable(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Postgres(_) => Ok(()),
            // A durable commit syncs the WAL, and with it all that was committed before. The rows
            // are written again as they are, because a transaction without a page has no commit.
            Database::Sqlite(_) => self
                .database
                .execute_unaudited(
                    Durability::Durable,
                    "UPDATE projector_watermarks SET next_offset = next_offset",
                    &[],
                )
                .await
                .map(drop),
        }
    }

    /// Closes all connections once what runs on them has come to its end, also what nobody waits for
    /// any more; calls after that are [`StoreError::Unreachable`].
    pub async fn close(&self) {
        self.database.writes().close().await;
        match &self.database {
            Database::Postgres(postgres) => postgres.pool.close().await,
            Database::Sqlite(pools) => {
                pools.readers.close().await;
                // Last, so that closing it folds the WAL into the file.
                pools.writer.close().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_of_neither_kind_is_refused_without_its_password() {
        for url in [
            "",
            "mysql://root:secret@host/x",
            "/var/lib/onsale.db",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite::memory:",
            "sqlite://x.db?mode=memory",
        ] {
            let error = Store::connect(url, 2).await.expect_err(url);
            assert!(matches!(error, StoreError::Url(_)), "{url}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
