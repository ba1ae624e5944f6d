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

impl Shared {
    /// What it is kept under where its event has so many shows: a page that is as long as the list is the same however
    /// much longer it might be. `None` where nothing is on it, so that nobody fills the memory with such pages.
    fn kept_as(self, shows: u64) -> Option<Self> {
        match self {
            Self::Event => Some(self),
            Self::Numbered(page, per_page) => {
                let before = u64::from(page.saturating_sub(1)).saturating_mul(per_page.into());
                (page <= 1 || before < shows).then_some(self)
            }
            Self::After(after, limit) => {
                let all = u32::try_from(shows).unwrap_or(u32::MAX).max(1);
                Some(Self::After(after, limit.min(all)))
            }
        }
    }
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

    /// A page of the list of shows of a public event, as it is now; `make` encodes the one that it is the same as. Where it
    /// goes on behind a show, that has to be one of the event's: see [`Store::show_at`].
    ///
    /// # Errors
    /// As [`EventPages::page`].
    pub(crate) async fn list<F>(
        &self,
        event: EventId,
        page: Shared,
        make: impl FnOnce(PageStamp, Shared) -> F + Send + 'static,
    ) -> Result<Arc<EventPage>, ApiError>
    where
        F: Future<Output = Result<EventPage, ApiError>> + Send + 'static,
    {
        let stamp = stamp(&self.store, event).await?;
        match page.kept_as(stamp.shows) {
            Some(page) => {
                let make = move |stamp| make(stamp, page);
                self.kept(event, page, stamp, make).await
            }
            None => make(stamp, page).await.map(Arc::new),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_list_there_are_few_pages() {
        let behind = Some((5, ShowId::from_bytes([1; 16])));
        for (asked, shows, kept) in [
            (Shared::Event, 0, Some(Shared::Event)),
            (Shared::After(None, 100), 26, Some(Shared::After(None, 26))),
            (Shared::After(None, 27), 26, Some(Shared::After(None, 26))),
            (Shared::After(None, 25), 26, Some(Shared::After(None, 25))),
            (Shared::After(behind, 50), 0, Some(Shared::After(behind, 1))),
            (Shared::Numbered(1, 20), 0, Some(Shared::Numbered(1, 20))),
            (Shared::Numbered(2, 20), 20, None),
            (Shared::Numbered(2, 20), 21, Some(Shared::Numbered(2, 20))),
            (Shared::Numbered(u32::MAX, 100), u64::from(u32::MAX), None),
        ] {
            assert_eq!(asked.kept_as(shows), kept, "{asked:?} of {shows}");
        }
    }
}
