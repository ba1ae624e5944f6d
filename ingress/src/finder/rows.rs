//! The rows of events that were found: the index knows no more than ids.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::EventId;
use onsale_search::Hit;
use onsale_store::Store;
use onsale_store::catalog::{EventRow, EventStatus};
use tokio::sync::Semaphore;

use crate::detached::detached;
use crate::error::ApiError;

/// Bytes of the rows that are kept.
const KEPT_MAX_BYTES: u64 = 32 << 20;
/// One in this number of the connections that read may read rows; the others are for sales.
const CONNECTIONS_PER_READ: u32 = 4;
/// How long a search waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// An event as of a version of its document. The row was read after the document was made, so it is as new at
/// least; an event that changes gets another version.
type Key = (EventId, u64);

pub(super) struct Rows {
    store: Store,
    kept: moka::sync::Cache<Key, Arc<EventRow>>,
    permits: Arc<Semaphore>,
}

impl Rows {
    /// Of a store that shows the catalog of all tenants.
    pub(super) fn new(store: Store) -> Self {
        let at_a_time = (store.read_connections_max() / CONNECTIONS_PER_READ).max(1);
        Self {
            store,
            kept: moka::sync::Cache::builder()
                .max_capacity(KEPT_MAX_BYTES)
                .weigher(|_: &Key, row: &Arc<EventRow>| bytes_of(row))
                .build(),
            permits: Arc::new(Semaphore::new(
                usize::try_from(at_a_time).unwrap_or(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// The rows of these hits in their order. One that is not public any more, which the index has yet to
    /// learn, is left out.
    ///
    /// # Errors
    /// `OVERLOADED` when too many are read at a time; as every read of the database.
    pub(super) async fn of(&self, hits: &[Hit]) -> Result<Vec<Arc<EventRow>>, ApiError> {
        let key = |hit: &Hit| (hit.event_id, hit.version);
        let mut rows: HashMap<EventId, Arc<EventRow>> = HashMap::with_capacity(hits.len());
        let mut missing = Vec::new();
        for hit in hits {
            match self.kept.get(&key(hit)) {
                Some(row) => drop(rows.insert(hit.event_id, row)),
                None => missing.push(hit.event_id),
            }
        }
        if !missing.is_empty() {
            for row in self.read(missing).await? {
                rows.insert(row.event_id, Arc::new(row));
            }
            for hit in hits {
                if let Some(row) = rows.get(&hit.event_id) {
                    self.kept.insert(key(hit), row.clone());
                }
            }
        }
        let found = hits.iter().filter_map(|hit| rows.remove(&hit.event_id));
        Ok(found
            .filter(|row| row.status == EventStatus::Published)
            .collect())
    }

    async fn read(&self, events: Vec<EventId>) -> Result<Vec<EventRow>, ApiError> {
        let busy = || ApiError::overloaded("Too many searches are being made; try again.");
        let permit = self.permits.clone().acquire_owned();
        let permit = match tokio::time::timeout(PATIENCE, permit).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(busy()),
        };
        let store = self.store.clone();
        // A query goes on when its caller hangs up, and so long it has its permit.
        detached(async move {
            let read = store.events_listed(&events).await;
            drop(permit);
            Ok(read?)
        })
        .await
    }
}

/// Bytes of a row in memory, about.
pub(super) fn bytes_of(row: &EventRow) -> u32 {
    let places = [&row.description, &row.venue, &row.city, &row.category];
    let places = places.into_iter().flatten().map(String::len);
    let bytes = size_of::<(Key, EventRow)>() + row.name.len() + places.sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
