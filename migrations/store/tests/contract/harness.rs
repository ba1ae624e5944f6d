//! A database of its own for each test, dropped afterwards.

use std::future::Future;
use std::path::Path;

use onsale_store::Store;
use onsale_store::testing::{self, TestDatabase};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// Connections of one test.
const CONNECTIONS_MAX: u32 = 4;

/// Where a migrated file of SQLite's lies between tests.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");

/// A migrated, empty database.
#[derive(Clone)]
pub(crate) struct Bench {
    /// For the whole installation.
    pub(crate) store: Store,
    /// For what is done behind the store's back: an administrator's, whom no policy binds.
    pub(crate) url: String,
    store_url: String,
}

impl Bench {
    /// A store, whatever its database has.
    pub(crate) fn of_url(store: Store, url: String) -> Self {
        Self {
            store,
            store_url: url.clone(),
            url,
        }
    }

    /// Another store on the same database, for the whole installation.
    pub(crate) async fn another_store(&self, connections_max: u32) -> Store {
        let store = Store::connect(&self.store_url, connections_max).await;
        store.unwrap().for_installation()
    }

    /// A connection of another program than Onsale, as the role that policies bind.
    pub(crate) async fn bound_connection(&self, parameters: &str) -> sqlx::PgConnection {
        let url = format!("{}{parameters}", self.store_url);
        sqlx::PgConnection::connect(&url).await.unwrap()
    }

    /// The rows behind the second layer: `(show, seat, partition, booking)`, straight from the
    /// table, because no call of the store shows them.
    pub(crate) async fn seat_holders(&self) -> Vec<(String, i64, i64, i64)> {
        if self.url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(
                "SELECT lower(hex(show_id)) AS show, seat, partition, booking_offset \
                 FROM booking_seats ORDER BY show_id, seat",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(
                "SELECT encode(uuid_send(show_id), 'hex') AS show, seat::bigint, \
                 partition::bigint, booking_offset FROM booking_seats ORDER BY show_id, seat",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect()
        }
    }

    /// The first column of what a statement finds, behind the store's back.
    pub(crate) async fn texts(&self, sql: &'static str) -> Vec<String> {
        if self.url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        self.try_tamper(sql).await.unwrap();
    }

    /// Lets entries of the audit trail go that are a year old, as those of these tests' records are.
    pub(crate) async fn keep_audit_for_a_month(&self) {
        self.tamper("UPDATE audit_retention SET kept_days = 31")
            .await;
    }

    /// As [`Bench::tamper`], where the database may refuse it.
    pub(crate) async fn try_tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        if self.url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .map(drop)
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .map(drop)
        }
    }
}

/// Runs `test` on a new SQLite file.
pub(crate) async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Bench) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("onsale.db");
    testing::create_file(Path::new(KEPT), &file).await.unwrap();
    let url = format!("sqlite://{}", file.display());
    let store = Store::connect(&url, CONNECTIONS_MAX).await.unwrap();
    let store = store.for_installation();
    store.check_schema().await.unwrap();
    test(Bench {
        store: store.clone(),
        store_url: url.clone(),
        url,
    })
    .await;
    store.close().await;
}

/// The administrator's URL; `None` when PostgreSQL is skipped on purpose.
pub(crate) fn postgres_url() -> Option<String> {
    if std::env::var("ONSALE_TEST_SKIP_POSTGRES").is_ok_and(|value| value == "1") {
        return None;
    }
    Some(std::env::var("ONSALE_TEST_POSTGRES_URL").expect(
        "no PostgreSQL to test on: run deploy/test.sh, which starts one and sets \
         ONSALE_TEST_POSTGRES_URL, or set ONSALE_TEST_SKIP_POSTGRES=1 to leave these tests out",
    ))
}

/// Runs `test` on a new PostgreSQL database, which is dropped even when the test fails.
pub(crate) async fn on_postgres<F>(test: impl FnOnce(Bench) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(admin_url) = postgres_url() else {
        return;
    };
    let database = TestDatabase::create(&admin_url)
        .await
        .expect("PostgreSQL at ONSALE_TEST_POSTGRES_URL gives a database");
    let url = database.url().unwrap();
    let store_url = database.owner_url().unwrap();
    let store = Store::connect(&store_url, CONNECTIONS_MAX).await.unwrap();
    let store = store.for_installation();
    store.check_schema().await.unwrap();
    let outcome = tokio::spawn(test(Bench {
        store: store.clone(),
        url,
        store_url,
    }))
    .await;
    store.close().await;
    database.remove().await.unwrap();
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// One test for each database from `async fn name(bench: Bench)`.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test]
            async fn sqlite() {
                crate::harness::on_sqlite(super::$name).await;
            }

            #[tokio::test]
            async fn postgres() {
                crate::harness::on_postgres(super::$name).await;
            }
        })+
    };
}
pub(crate) use contract;
