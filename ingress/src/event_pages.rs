//! What is told of an event and its shows, encoded once for each change of either and shared by all who ask: the event
//! with its shows in one answer, its data for search engines, and pages of the list of its shows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use onsale_schemas::{EventId, ShowId};
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
/// Stamps that are known to be fresh.
const FRESH_MAX: u64 = 10_000;
/// What nobody has asked for that long is made anew.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// About what an entry takes beside its bytes.
const ENTRY_BYTES: usize = 512;

/// An answer that is shared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Shared {
    /// The event with its shows.
    Event,
    /// A page of its shows by its number, and how many are on one.
    Numbered(u32, u32),
    /// So many of its shows behind one of them.
    After(Option<(u64, ShowId)>, u32),
}

/// A page.
pub(crate) struct EventPage {
    /// Its tag, which begins with the version of the event.
    pub(crate) tag: String,
    /// What every answer begins with.
    pub(crate) body: Arc<Prepared>,
    /// The event for search engines: a whole file. Empty with a page of a list.
    pub(crate) schema: Arc<Prepared>,
}

impl EventPage {
    /// Of the JSON of its data, and that for search engines.
    pub(crate) fn new(stamp: PageStamp, data: &[u8], schema: Vec<u8>) -> Self {
        Self {
            tag: versions::tag_of_bytes(stamp.event_version, data),
            body: Arc::new(Prepared::data(data).kept()),
            schema: Arc::new(Prepared::new(schema.into()).kept()),
        }
    }

    /// Of a list, with all that stands before what is said of the request.
    pub(crate) fn of_list(stamp: PageStamp, begin: Bytes) -> Self {
        Self {
            tag: versions::tag_of_bytes(stamp.event_version, &begin),
            body: Arc::new(Prepared::new(begin).kept()),
            schema: Arc::new(Prepared::new(Bytes::new())),
        }
    }
}

/// What a page is kept under.
type Key = (EventId, Shared, PageStamp);

/// See the module.
pub(crate) struct EventPages {
    store: Store,
    /// Stamps that were read just now.
    fresh: moka::future::Cache<EventId, PageStamp>,
    /// Right as long as nothing has changed; what is of an earlier stamp is asked for by nobody, and goes.
    kept: moka::future::Cache<Key, Arc<EventPage>>,
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
                .time_to_idle(IDLE_MAX)
                .weigher(|_: &Key, page: &Arc<EventPage>| {
                    // Compressed as well.
                    let bytes = page.body.len().saturating_add(page.schema.len());
                    let bytes = bytes.saturating_mul(2).saturating_add(ENTRY_BYTES);
                    u32::try_from(bytes).unwrap_or(u32::MAX)
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
        let store = self.store.clone();
        let stamp = self
            .fresh
            .try_get_with(event, async move { stamp(&store, event).await })
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))?;
        self.kept(event, Shared::Event, stamp, make).await
    }

    /// A page of the list of shows of a public event, as it is now.
    ///
    /// # Errors
    /// As [`EventPages::page`].
    pub(crate) async fn list<F>(
        &self,
        event: EventId,
        page: Shared,
        make: impl FnOnce(PageStamp) -> F + Send + 'static,
    ) -> Result<Arc<EventPage>, ApiError>
    where
        F: Future<Output = Result<EventPage, ApiError>> + Send + 'static,
    {
        let stamp = stamp(&self.store, event).await?;
        self.kept(event, page, stamp, make).await
    }

    async fn kept<F>(
        &self,
        event: EventId,
        page: Shared,
        stamp: PageStamp,
        make: impl FnOnce(PageStamp) -> F + Send + 'static,
    ) -> Result<Arc<EventPage>, ApiError>
    where
        F: Future<Output = Result<EventPage, ApiError>> + Send + 'static,
    {
        // What is made here is for all who wait, so it goes on when the first of them hangs up.
        let made = async move { detached(async move { make(stamp).await.map(Arc::new) }).await };
        self.kept
            .try_get_with((event, page, stamp), made)
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Whoever asks from now on sees what was just changed of an event.
    pub(crate) async fn forget(&self, event: EventId) {
        self.fresh.invalidate(&event).await;
    }
}

async fn stamp(store: &Store, event: EventId) -> Result<PageStamp, ApiError> {
    let stamp = store.page_stamp(event).await?;
    stamp.ok_or_else(|| ApiError::not_found("event"))
}
