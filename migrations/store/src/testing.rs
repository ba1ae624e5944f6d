//! Migrated, empty databases for tests: each test has one of its own, copied from one that is migrated once for
//! all of them. Tests are processes of their own that begin at once, so what they share is made under a lock, or
//! beside its place and moved there.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use uuid::Uuid;

use crate::database::classify;
use crate::error::StoreError;
use crate::schema;
use crate::store::Store;

/// The role that tests connect as: no superuser, so that policies bind it. The administrator becomes it as soon
/// as it is connected, so it needs no password.
const ROLE: &str = "onsale_tests";
/// It is the server's, so it may be there from another day, or for the templates of another checkout.
const CREATE_ROLE: &str = "DO $$ BEGIN CREATE ROLE onsale_tests; \
     EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
/// Held by whoever makes what is copied.
const LOCK: &str = "SELECT pg_advisory_lock(8208, 9000)";
/// What begins so was made by a test of the day whose number follows.
const PREFIX: &str = "onsale_tests_";
const SECONDS_PER_DAY: u64 = 86_400;
/// From this version on a copy is made by way of the WAL unless asked otherwise, which takes twice the work.
const FIRST_WITH_STRATEGIES: i32 = 150_000;
/// Connections of the store that migrates.
const CONNECTIONS_MAX: u32 = 2;

/// A database of PostgreSQL for one test, owned by a role that policies bind.
#[derive(Debug)]
pub struct TestDatabase {
    administrator: String,
    name: String,
}

impl TestDatabase {
    /// Makes one on the server whose administrator has this URL.
    ///
    /// # Errors
    /// [`StoreError::Url`] where the URL names no database, and as the server says.
    pub async fn create(administrator: &str) -> Result<Self, StoreError> {
        let database = Self {
            administrator: administrator.to_owned(),
            name: format!("{PREFIX}{}_{}", today(), Uuid::new_v4().simple()),
        };
        // Months of the audit trail come with the migrations, so what is copied is of the day too.
        let template = format!("{PREFIX}{}_template_{}", today(), schema::fingerprint(true));
        let mut connection = connect(administrator).await?;
        if !exists(&mut connection, &template).await? {
            make_template(administrator, &mut connection, &template).await?;
        }
        let strategy = if version(&mut connection).await? >= FIRST_WITH_STRATEGIES {
            "STRATEGY file_copy"
        } else {
            ""
        };
        let name = &database.name;
        run(
            &mut connection,
            format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} {strategy}"),
        )
        .await?;
        connection.close().await.map_err(classify)?;
        Ok(database)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The administrator's URL of it, whom no policy binds.
    ///
    /// # Errors
    /// [`StoreError::Url`] where the server's URL names no database.
    pub fn url(&self) -> Result<String, StoreError> {
        url_of(&self.administrator, &self.name)
    }

    /// The URL by which one becomes its owner.
    ///
    /// # Errors
    /// As [`TestDatabase::url`].
    pub fn owner_url(&self) -> Result<String, StoreError> {
        Ok(as_owner(&self.url()?))
    }

    /// Drops it, whoever is still connected.
    ///
    /// # Errors
    /// As the server says.
    pub async fn remove(&self) -> Result<(), StoreError> {
        let mut connection = connect(&self.administrator).await?;
        run(
            &mut connection,
            format!("DROP DATABASE {} WITH (FORCE)", self.name),
        )
        .await?;
        connection.close().await.map_err(classify)
    }
}

/// Makes `file` a database of SQLite for one test. What is copied is kept in the folder `kept`, for the tests to
/// come.
///
/// # Errors
/// Where a file cannot be read or written, and as SQLite says.
pub async fn create_file(kept: &Path, file: &Path) -> Result<(), StoreError> {
    let template = kept.join(format!("migrated-{}.sqlite", schema::fingerprint(false)));
    if !template.exists() {
        std::fs::create_dir_all(kept).map_err(not_done)?;
        let fresh = kept.join(format!("migrating-{}.sqlite", Uuid::new_v4().simple()));
        let store =
            Store::connect(&format!("sqlite://{}", fresh.display()), CONNECTIONS_MAX).await?;
        store.migrate().await?;
        // All of it is in the one file then.
        store.close().await;
        // Whoever was faster has moved the same there.
        std::fs::rename(&fresh, &template).map_err(not_done)?;
    }
    std::fs::copy(&template, file).map(drop).map_err(not_done)
}

/// Migrates a database of another name and gives it its name once it is whole.
async fn make_template(
    administrator: &str,
    connection: &mut PgConnection,
    template: &str,
) -> Result<(), StoreError> {
    // It ends with the connection where something fails.
    run(connection, LOCK.to_owned()).await?;
    // Another one may have been first.
    if !exists(connection, template).await? {
        remove_old(connection).await?;
        let raw = format!("{template}_raw");
        run(
            connection,
            format!("DROP DATABASE IF EXISTS {raw} WITH (FORCE)"),
        )
        .await?;
        run(connection, CREATE_ROLE.to_owned()).await?;
        run(connection, format!("CREATE DATABASE {raw} OWNER {ROLE}")).await?;
        let url = as_owner(&url_of(administrator, &raw)?);
        let store = Store::connect(&url, CONNECTIONS_MAX).await?;
        store.for_installation().migrate().await?;
        store.close().await;
        run(
            connection,
            format!("ALTER DATABASE {raw} RENAME TO {template}"),
        )
        .await?;
    }
    run(connection, "SELECT pg_advisory_unlock_all()".to_owned()).await
}

/// Drops what tests of earlier days have left: templates, and databases of tests that were killed. What is of
/// yesterday may be in use by a run that began before midnight.
async fn remove_old(connection: &mut PgConnection) -> Result<(), StoreError> {
    let rows = sqlx::raw_sql("SELECT quote_ident(datname) FROM pg_database")
        .fetch_all(&mut *connection)
        .await
        .map_err(classify)?;
    for row in rows {
        let name: String = row.try_get(0).map_err(classify)?;
        let day = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('_').next())
            .and_then(|day| day.parse::<u64>().ok());
        if day.is_some_and(|day| day.saturating_add(1) < today()) {
            run(
                connection,
                format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            )
            .await?;
        }
    }
    Ok(())
}

async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    PgConnection::connect(url).await.map_err(classify)
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(drop)
        .map_err(classify)
}

async fn exists(connection: &mut PgConnection, database: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{database}'");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_optional(connection)
        .await
        .map(|row| row.is_some())
        .map_err(classify)
}

async fn version(connection: &mut PgConnection) -> Result<i32, StoreError> {
    let row = sqlx::query("SELECT current_setting('server_version_num')::integer")
        .fetch_one(connection)
        .await
        .map_err(classify)?;
    row.try_get(0).map_err(classify)
}

/// The URL of another database on the same server.
fn url_of(administrator: &str, name: &str) -> Result<String, StoreError> {
    let (server, _) = administrator
        .rsplit_once('/')
        .ok_or_else(|| StoreError::Url(crate::database::postgres::redacted(administrator)))?;
    Ok(format!("{server}/{name}"))
}

fn as_owner(url: &str) -> String {
    format!("{url}?options[role]={ROLE}")
}

/// Days since 1970.
fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() / SECONDS_PER_DAY)
}

fn not_done(error: std::io::Error) -> StoreError {
    classify(sqlx::Error::Io(error))
}
