//! The database of a test: a file of SQLite's, or, in the binary whose tests are for it, a database of its own
//! in PostgreSQL.

use onsale_store::Store;
use tempfile::TempDir;
use uuid::Uuid;

/// The test binary whose tests run on PostgreSQL.
const ON_POSTGRES: &str = "api_on_postgres";
/// The role that the tests connect as: no superuser, so that policies bind it. The administrator of the URL
/// becomes it as soon as it is connected, so it needs no password.
const ROLE: &str = "onsale_tests";
/// Of several tests that begin at once, one creates it.
const CREATE_ROLE: &str = "DO $$ BEGIN CREATE ROLE onsale_tests; \
     EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";

pub(crate) struct TestDatabase {
    url: String,
    _folder: Option<TempDir>,
    /// The administrator's URL and the name of what is to be dropped.
    created: Option<(String, String)>,
}

impl TestDatabase {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        match administrator() {
            Some(administrator) => Self::in_postgres(administrator).await,
            None => Self::in_a_file(),
        }
    }

    /// What to connect to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn in_a_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("store.db").display());
        Self {
            url,
            _folder: Some(folder),
            created: None,
        }
    }

    async fn in_postgres(administrator: String) -> Self {
        let name = format!("onsale_api_{}", Uuid::new_v4().simple());
        by_administrator(&administrator, CREATE_ROLE).await;
        let create = format!("CREATE DATABASE {name} OWNER {ROLE}");
        by_administrator(&administrator, &create).await;
        let (server, _) = administrator.rsplit_once('/').unwrap();
        Self {
            url: format!("{server}/{name}?options[role]={ROLE}"),
            _folder: None,
            created: Some((administrator, name)),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((administrator, name)) = self.created.take() else {
            return;
        };
        // The test may be in the middle of a runtime, or of a panic.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            runtime.block_on(by_administrator(&administrator, &drop));
        });
        if dropping.join().is_err() && !std::thread::panicking() {
            panic!("the test's database cannot be dropped");
        }
    }
}

/// The administrator's URL, where tests are to run on PostgreSQL.
fn administrator() -> Option<String> {
    let is_skipped = std::env::var("ONSALE_TEST_SKIP_POSTGRES").is_ok_and(|value| value == "1");
    if env!("CARGO_CRATE_NAME") != ON_POSTGRES || is_skipped {
        return None;
    }
    Some(std::env::var("ONSALE_TEST_POSTGRES_URL").expect(
        "no PostgreSQL to test on: run deploy/test.sh, which starts one and sets \
         ONSALE_TEST_POSTGRES_URL, or set ONSALE_TEST_SKIP_POSTGRES=1 to run these on SQLite once more",
    ))
}

async fn by_administrator(url: &str, sql: &str) {
    let store = Store::connect(url, 1).await.unwrap();
    store.by_hand(sql).await.unwrap();
    store.close().await;
}
