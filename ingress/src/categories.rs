//! What the filter of lists takes for a category: its name, its slug, its aliases and the names that it had before, as
//! writing an event does. A saved link finds the same after a category got another name.

use std::sync::Arc;
use std::time::Duration;

use onsale_store::Store;
use onsale_store::catalog::CategoryNames;
use parking_lot::Mutex;

/// How long nobody looks whether a category has another name.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Categories {
    store: Store,
    kept: moka::future::Cache<(), Arc<CategoryNames>>,
    /// As they were last read: the search answers while the database does not.
    last: Mutex<Arc<CategoryNames>>,
}

impl Categories {
    /// Of a store that shows the whole installation.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            kept: moka::future::Cache::builder()
                .max_capacity(1)
                .time_to_live(FRESH_FOR)
                .build(),
            last: Mutex::default(),
        }
    }

    /// The name of the category that a text is taken for, as it was at most a second ago, or before the database
    /// stopped answering; `None` where it is none's.
    pub(crate) async fn called(&self, text: &str) -> Option<String> {
        let names = self.kept.get_with((), self.read()).await;
        names.called(text).map(str::to_owned)
    }

    /// Names that are asked for from now on are as they were just changed.
    pub(crate) fn forget(&self) {
        self.kept.invalidate_all();
    }

    async fn read(&self) -> Arc<CategoryNames> {
        match self.store.category_names().await {
            Ok(names) => {
                let names = Arc::new(names);
                *self.last.lock() = names.clone();
                names
            }
            Err(error) => {
                tracing::debug!(%error, "categories are called what they were called before");
                self.last.lock().clone()
            }
        }
    }
}
