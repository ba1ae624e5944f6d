//! Lists of events: anybody may ask for them and each looks through the whole catalog, so only a few
//! are created at a time, and equal ones are shared.

use std::sync::Arc;
use std::time::Duration;

use onsale_store::Store;
use onsale_store::catalog::{EventFilter, EventRow, Page};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::detached::detached;
use crate::error::ApiError;

/// How long everybody who asks for the same gets the same list.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// Bytes of text of all lists that are shared.
const SHARED_MAX_BYTES: u64 = 16 << 20;
/// One in this number of the connections that read may make a list; the others are for sales.
const CONNECTIONS_PER_LIST: u32 = 4;
/// Callers that wait for their turn.
const WAITING_MAX: usize = 64;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// A list as it is looked for: filter, page and rows of a page.
type Asked = (EventFilter, u32, u32);

pub(crate) struct EventLists {
    store: Store,
    shared: moka::future::Cache<Asked, Arc<Page<EventRow>>>,
    permits: Arc<Semaphore>,
    waiting: Semaphore,
}

impl EventLists {
    pub(crate) fn new(store: Store) -> Self {
        let at_a_time = (store.read_connections_max() / CONNECTIONS_PER_LIST).max(1);
        Self {
            store,
            shared: moka::future::Cache::builder()
                .max_capacity(SHARED_MAX_BYTES)
                .weigher(|asked: &Asked, page: &Arc<Page<EventRow>>| weight(asked, page))
                .time_to_live(SHARED_FOR)
                .build(),
            permits: Arc::new(Semaphore::new(
                usize::try_from(at_a_time).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// What the public sees, as it was at most a second ago.
    ///
    /// # Errors
    /// `OVERLOADED` when too many lists are asked for; as every read of the database.
    pub(crate) async fn shared(
        &self,
        filter: EventFilter,
        page: u32,
        per_page: u32,
    ) -> Result<Arc<Page<EventRow>>, ApiError> {
        let asked = (filter, page, per_page);
        let make = self.list(asked.clone());
        self.shared
            .try_get_with(asked, make)
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// A list as it is now.
    ///
    /// # Errors
    /// As [`EventLists::shared`].
    pub(crate) async fn list(
        &self,
        (filter, page, per_page): Asked,
    ) -> Result<Arc<Page<EventRow>>, ApiError> {
        let permit = self.permit().await?;
        let store = self.store.clone();
        // A query goes on when its caller hangs up, and so long it has its permit.
        detached(async move {
            let made = store.events(&filter, page, per_page).await;
            drop(permit);
            Ok(Arc::new(made?))
        })
        .await
    }

    /// Lists that are created from now on see what was just changed.
    pub(crate) fn forget(&self) {
        self.shared.invalidate_all();
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy = || ApiError::overloaded("Too many lists are being requested; try again.");
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let permit = self.permits.clone().acquire_owned();
        match tokio::time::timeout(PATIENCE, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(busy()),
        }
    }
}

/// Bytes of a list in memory, about.
fn weight((filter, ..): &Asked, page: &Page<EventRow>) -> u32 {
    let texts = |texts: [&Option<String>; 4]| -> usize {
        let lens = texts.into_iter().flatten().map(String::len);
        lens.sum()
    };
    let rows = page.rows.iter().map(|row| {
        let places = [&row.description, &row.venue, &row.city, &row.category];
        size_of::<EventRow>() + row.name.len() + texts(places)
    });
    let asked = texts([&filter.search, &filter.city, &filter.category, &None]);
    let bytes = size_of::<Asked>() + asked + rows.sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{BookingId, EventId, PartitionId, UserId};
    use onsale_store::catalog::EventStatus;
    use uuid::Uuid;

    use super::*;
    use crate::error::Code;

    const CONNECTIONS: u32 = 9;

    async fn store(folder: &tempfile::TempDir) -> Store {
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::connect(&url, CONNECTIONS).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    fn event(number: u128) -> EventRow {
        EventRow {
            event_id: EventId(Uuid::from_u128(number)),
            tenant_id: Uuid::from_u128(1),
            organizer_id: UserId(Uuid::from_u128(2)),
            name: "Opera".to_owned(),
            description: None,
            venue: None,
            city: None,
            category: None,
            starts_at_ms: 1,
            max_tickets_per_user: 4,
            minimum_age: None,
            requires_verified_account: false,
            status: EventStatus::Published,
            created_at_ms: 1,
            details: onsale_store::catalog::EventDetails::default(),
        }
    }

    #[tokio::test]
    async fn lists_leave_connections_to_what_sales_need() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let lists = EventLists::new(store.clone());
        assert_eq!(lists.permits.available_permits(), 2, "of 8 that read");
        let slow = lists.permits.clone().acquire_many_owned(2).await.unwrap();
        let (list, booking) = tokio::join!(
            lists.shared(EventFilter::default(), 1, 20),
            store.booking(BookingId::new(PartitionId(0), 7)),
        );
        assert!(booking.unwrap().is_none());
        let refused = list.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        assert!(refused.retry_after_seconds().is_some());
        // Of those who wait there are not too many either, and a refusal is not shared.
        let all = u32::try_from(WAITING_MAX).unwrap();
        let crowd = lists.waiting.acquire_many(all).await.unwrap();
        let refused = lists.shared(EventFilter::default(), 1, 20).await;
        assert_eq!(refused.unwrap_err().code(), Code::Overloaded);
        drop((slow, crowd));
        lists.shared(EventFilter::default(), 1, 20).await.unwrap();
        assert_eq!(lists.permits.available_permits(), 2);
    }

    #[tokio::test]
    async fn equal_lists_are_one_until_something_is_changed_here() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let lists = EventLists::new(store.clone());
        let first = lists.shared(EventFilter::default(), 1, 20).await.unwrap();
        let none_is_free = lists.permits.clone().acquire_many_owned(2).await.unwrap();
        let again = lists.shared(EventFilter::default(), 1, 20).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again), "no query was needed");
        drop(none_is_free);
        store.add_event(&event(3)).await.unwrap();
        lists.forget();
        let after = lists.shared(EventFilter::default(), 1, 20).await.unwrap();
        assert_eq!((first.total, after.total), (0, 1));
    }
}
