//! The search of the public catalog: an index in each node, which follows the store.
//!
//! What changes in the catalog leaves a row behind, whichever node does it ([`follow`]); a look at those
//! rows costs one short statement, and what they name is read and put into the index. How much is left of
//! an event comes from the log, when the feed of outcomes says that something was taken or given back
//! ([`remaining`]), and when a sale closes. Beside that the whole catalog is gone through at leisure, so that whatever was missed is
//! made good. An index that a change has damaged, or that is older than the store can tell, is taken out
//! of service and made anew.
//!
//! Until an index is there, the list of the store answers what it can answer, as it does without a search;
//! for the rest a client is told to come back. Searches run beside the threads that serve requests, a few
//! at a time.

mod asked;
mod document;
mod follow;
mod following;
mod progress;
mod remaining;
mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onsale_log::OutcomeBatch;
use onsale_search::{Index, Suggestion};
use onsale_store::Store;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

pub(crate) use self::asked::{Asked, Found};
pub(crate) use self::follow::run;
use self::progress::Progress;
use self::remaining::Stirred;
use self::rows::Rows;
use crate::error::ApiError;

/// Searches that wait for their turn.
const WAITING_MAX: usize = 512;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long everybody who asks for the same gets the same, while nothing changes in the index.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// Bytes of the answers that are shared, each with all its rows.
const SHARED_MAX_BYTES: u64 = 16 << 20;

/// An index that is in service or being made ready for it.
pub(crate) type Held = RwLock<Index>;

/// See the module.
pub(crate) struct Finder {
    held: RwLock<Option<Arc<Held>>>,
    /// Where documents get their versions from: a later one is greater, in whatever index.
    versions: AtomicU64,
    /// Another one with each change of what searches find.
    generation: AtomicU64,
    /// A search panicked: the index may be damaged.
    is_doubted: AtomicBool,
    stirred: Stirred,
    progress: Progress,
    permits: Arc<Semaphore>,
    waiting: Semaphore,
    shared: moka::future::Cache<(Asked, u64), Arc<Found>>,
    rows: Rows,
}

impl Finder {
    /// Finds nothing until [`run`] has made an index.
    ///
    /// # Errors
    /// When the registry has metrics of the same names already.
    pub(crate) fn new(
        store: Store,
        registry: &prometheus::Registry,
    ) -> Result<Self, prometheus::Error> {
        // Each takes a core for as long as it runs.
        let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            held: RwLock::new(None),
            versions: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            is_doubted: AtomicBool::new(false),
            stirred: Stirred::default(),
            progress: Progress::new(registry)?,
            permits: Arc::new(Semaphore::new(at_a_time)),
            waiting: Semaphore::new(WAITING_MAX),
            shared: moka::future::Cache::builder()
                .max_capacity(SHARED_MAX_BYTES)
                .weigher(|(asked, _): &(Asked, u64), found: &Arc<Found>| {
                    asked.bytes().saturating_add(found.bytes())
                })
                .time_to_live(SHARED_FOR)
                .build(),
            rows: Rows::new(store),
        })
    }

    /// Whether there is an index to search in.
    pub(crate) fn is_ready(&self) -> bool {
        self.held.read().is_some()
    }

    /// Whether the index has no place for some events.
    pub(crate) fn leaves_out(&self) -> bool {
        self.progress.leaves_out()
    }

    /// What is wrong with the search, for readiness. It keeps no node from serving.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.progress.problems()
    }

    /// Notes the shows of which outcomes have taken or given back places.
    pub(crate) fn seen(&self, batch: &OutcomeBatch) {
        self.stirred.seen(batch);
    }

    /// Outcomes were lost: what is left of any event may be other than known.
    pub(crate) fn lost_outcomes(&self) {
        self.stirred.lost();
    }

    /// What a search finds, with the rows of the events.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` that names the parameter, and `OVERLOADED` when there is no index, too many
    /// searches are made, or the catalog cannot be read.
    pub(crate) async fn find(&self, asked: Asked, now_ms: u64) -> Result<Arc<Found>, ApiError> {
        // Read first: what changes meanwhile makes another generation.
        let generation = self.generation.load(Ordering::Acquire);
        let find = async {
            let for_index = asked.clone();
            let hits = self
                .ask(move |index| for_index.page(index, now_ms))
                .await?
                .map_err(|error| asked::refused(&error))?;
            let rows = self.rows.of(&hits.hits).await?;
            Ok::<_, ApiError>(Arc::new(Found::new(hits, rows)))
        };
        self.shared
            .try_get_with((asked.clone(), generation), find)
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Completions of what somebody is typing.
    ///
    /// # Errors
    /// As [`Finder::find`].
    pub(crate) async fn suggest(
        &self,
        text: String,
        limit: usize,
    ) -> Result<Vec<Suggestion>, ApiError> {
        self.ask(move |index| index.suggest(&text, limit))
            .await?
            .map_err(|error| asked::refused(&error))
    }

    /// Runs `work` on the index, beside the threads that serve requests: most takes less than a
    /// millisecond and what is made to hurt about ten, but it may have to wait for a change of the index.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || ApiError::overloaded("Too many searches are being made; try again.");
        let held = self.held.read().clone();
        let held = held.ok_or_else(|| {
            ApiError::overloaded("The search is being prepared; try again in a moment.")
        })?;
        let permit = {
            let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
            let permit = self.permits.clone().acquire_owned();
            match tokio::time::timeout(PATIENCE, permit).await {
                Ok(Ok(permit)) => permit,
                _ => return Err(busy()),
            }
        };
        // It goes on when its caller hangs up, and so long it has its permit.
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&held.read())
        });
        work.await.map_err(|error| {
            if error.is_panic() {
                self.is_doubted.store(true, Ordering::Release);
            }
            ApiError::internal(error)
        })
    }

    /// Makes the index in service an empty one, and a search in it panic.
    #[cfg(feature = "testing")]
    #[expect(clippy::panic, reason = "the defect that a test asks for")]
    pub(crate) async fn damage(&self) {
        let held = self.held.read().clone();
        if let Some(held) = held {
            *held.write() = Index::new();
        }
        self.has_changed();
        let broken: Result<(), ApiError> =
            self.ask(|_index| std::panic::panic_any("a defect")).await;
        drop(broken);
    }

    /// Puts an index into service in the place of another.
    fn put_in(&self, held: Arc<Held>) {
        *self.held.write() = Some(held);
        self.has_changed();
        self.progress.is_ready(true);
    }

    /// Takes the index out of service.
    fn take_out(&self) {
        *self.held.write() = None;
        self.has_changed();
        self.progress.is_ready(false);
    }

    /// What was found before is not shared any more.
    fn has_changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether a search panicked since this was last asked.
    fn take_doubt(&self) -> bool {
        self.is_doubted.swap(false, Ordering::AcqRel)
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::EventId;
    use onsale_store::catalog::FindableEvent;
    use uuid::Uuid;

    use super::document::{document, tests::event};
    use super::remaining::Left;
    use super::*;
    use crate::error::Code;

    /// A finder with an event in its index that its store has too.
    async fn finder(folder: &tempfile::TempDir) -> (Finder, Store) {
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::connect(&url, 4).await.unwrap();
        store.migrate().await.unwrap();
        let found = FindableEvent {
            event: event(1, "Opera"),
            shows: Vec::new(),
            venue: None,
        };
        store.add_event(&found.event).await.unwrap();
        let finder = Finder::new(store.clone(), &prometheus::Registry::new()).unwrap();
        let mut opera = document(&found, Left::UNKNOWN, 0);
        opera.version = finder.next_version();
        let index = Index::build([opera]).unwrap();
        finder.put_in(Arc::new(Held::new(index)));
        (finder, store)
    }

    fn opera() -> Asked {
        Asked {
            search: "opera".to_owned(),
            limit: 10,
            ..Asked::default()
        }
    }

    #[tokio::test]
    async fn a_search_that_panics_is_doubted_and_others_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let (finder, _store) = finder(&folder).await;
        assert!(!finder.take_doubt());
        let broken: Result<(), ApiError> = finder.ask(|_| panic!("a defect")).await;
        assert_eq!(broken.unwrap_err().code(), Code::InternalError);
        assert!(finder.take_doubt() && !finder.take_doubt());
        assert_eq!(finder.find(opera(), 0).await.unwrap().total, 1);
    }

    #[tokio::test]
    async fn beyond_what_may_wait_a_search_is_refused_and_says_when_to_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (finder, _store) = finder(&folder).await;
        let all = u32::try_from(WAITING_MAX).unwrap();
        let crowd = finder.waiting.acquire_many(all).await.unwrap();
        let Err(refused) = finder.find(opera(), 0).await else {
            panic!("it had a turn");
        };
        assert_eq!(refused.code(), Code::Overloaded);
        assert!(refused.retry_after_seconds().is_some());
        drop(crowd);
        assert_eq!(finder.find(opera(), 0).await.unwrap().total, 1);
        finder.take_out();
        let Err(refused) = finder.find(opera(), 0).await else {
            panic!("there is nothing to search in");
        };
        assert_eq!(refused.code(), Code::Overloaded);
    }

    #[tokio::test]
    async fn equal_searches_are_one_until_the_index_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (finder, _store) = finder(&folder).await;
        let first = finder.find(opera(), 0).await.unwrap();
        let again = finder.find(opera(), 0).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(first.rows[0].event_id, EventId(Uuid::from_u128(1)));
        finder.has_changed();
        let after = finder.find(opera(), 0).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &after));
    }
}
