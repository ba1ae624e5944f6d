//! The database of a test: a file of SQLite's, or, in the binary whose tests are for it, a database of its own
//! in PostgreSQL.

use std::path::Path;

use onsale_store::testing;
use tempfile::TempDir;

/// The test binary whose tests run on PostgreSQL.
const ON_POSTGRES: &str = "api_on_postgres";
/// Where a migrated file of SQLite's lies between tests.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");

pub(crate) struct TestDatabase {
    url: String,
    _folder: Option<TempDir>,
    /// What is to be dropped.
    created: Option<testing::TestDatabase>,
}

impl TestDatabase {
    /// An empty one, migrated.
    pub(crate) async fn new() -> Self {
        match administrator() {
            Some(administrator) => Self::in_postgres(&administrator).await,
            None => Self::in_a_file().await,
        }
    }

    /// What to connect to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn in_a_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        testing::create_file(Path::new(KEPT), &file).await.unwrap();
        Self {
            url: format!("sqlite://{}", file.display()),
            _folder: Some(folder),
            created: None,
        }
    }

    async fn in_postgres(administrator: &str) -> Self {
        let created = testing::TestDatabase::create(administrator).await.unwrap();
        Self {
            url: created.owner_url().unwrap(),
            _folder: None,
            created: Some(created),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some(created) = self.created.take() else {
            return;
        };
        // The test may be in the middle of a runtime, or of a panic.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(created.remove()).unwrap();
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
