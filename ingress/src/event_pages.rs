//! An event with its shows in one answer, encoded once for each change of either and shared by all who ask.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::EventId;
use onsale_store::Store;
use onsale_store::catalog::PageStamp;

use crate::detached::detached;
use crate::error::ApiError;
use crate::prepared::Prepared;
use crate::versions;

/// How long nobody looks whether something has changed.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// Bytes of all pages that are kept.
const KEPT_MAX_BYTES: u64 = 32 << 20;
/// Pages that are known to be fresh.
const FRESH_MAX: u64 = 10_000;
/// Bytes of a digest in a tag.
const DIGEST_BYTES: usize = 8;

/// A page.
pub(crate) struct EventPage {
    /// As of which changes.
    pub(crate) stamp: PageStamp,
    /// Its tag, which begins with the version of the event.
    pub(crate) tag: String,
    /// The data of a success.
    pub(crate) body: Arc<Prepared>,
}

impl EventPage {
    /// Of the JSON of its data.
    pub(crate) fn new(stamp: PageStamp, data: &[u8]) -> Self {
        let hash = blake3::hash(data).to_hex();
        let digest = hash.as_str().get(..DIGEST_BYTES * 2);
        Self {
            stamp,
            tag: versions::tag(stamp.event_version, digest),
            body: Arc::new(Prepared::data(data)),
        }
    }
}

/// See the module.
pub(crate) struct EventPages {
    store: Store,
    /// Those that were looked at just now.
    fresh: moka::future::Cache<EventId, Arc<EventPage>>,
    /// Those that are right as long as nothing has changed.
    kept: moka::future::Cache<EventId, Arc<EventPage>>,
}

impl EventPages {
    /// Of the events in this store, whoever asks.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            fresh: moka::future::Cache::builder()
                .max_capacity(FRESH_MAX)
                .time_to_live(FRESH_FOR)
                .build(),
            kept: moka::future::Cache::builder()
                .max_capacity(KEPT_MAX_BYTES)
                .weigher(|_: &EventId, page: &Arc<EventPage>| {
                    // Compressed as well.
                    u32::try_from(page.body.len().saturating_mul(2)).unwrap_or(u32::MAX)
                })
                .build(),
        }
    }

    /// The page of a public event, as it was at most a second ago; `make` encodes it as of a stamp.
    ///
    /// # Errors
    /// As every read of the database; `NOT_FOUND` for an event that is not there or not public.
    pub(crate) async fn page<F>(
        &self,
        event: EventId,
        make: impl FnOnce(PageStamp) -> F + Send + 'static,
    ) -> Result<Arc<EventPage>, ApiError>
    where
        F: Future<Output = Result<EventPage, ApiError>> + Send + 'static,
    {
        let (store, kept) = (self.store.clone(), self.kept.clone());
        let look = async move {
            // What is made here is for all who wait, so it goes on when the first of them hangs up.
            detached(async move {
                let stamp = store.page_stamp(event).await?;
                let stamp = stamp.ok_or_else(|| ApiError::not_found("event"))?;
                if let Some(page) = kept.get(&event).await
                    && page.stamp == stamp
                {
                    return Ok(page);
                }
                let page = Arc::new(make(stamp).await?);
                kept.insert(event, page.clone()).await;
                Ok(page)
            })
            .await
        };
        self.fresh
            .try_get_with(event, look)
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Whoever asks from now on sees what was just changed of an event.
    pub(crate) async fn forget(&self, event: EventId) {
        self.fresh.invalidate(&event).await;
    }
}
