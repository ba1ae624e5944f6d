//! An index that is in step with the catalog, and how it gets and stays there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use onsale_schemas::{EventId, ShowId};
use onsale_search::{Document, Index, SearchError};
use onsale_store::StoreError;
use onsale_store::catalog::{CatalogChange, ChangeCursor, EventStatus, FindableEvent};
use tokio::sync::mpsc;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::document::{document, text_bytes};
use super::remaining::{self, Left};
use super::{Finder, Held};
use crate::state::AppState;

/// Published events in an index; with descriptions of 40 words about 250 MB. What comes beyond is not
/// found, and readiness says so.
const EVENTS_MAX: usize = 250_000;
/// Bytes of their texts, of which an index takes about two and a half times as much. What comes beyond is
/// not found either.
const TEXT_BYTES_MAX: usize = 192 << 20;
/// Events that are read at once while an index is made.
const EVENTS_PER_PAGE: u32 = 256;
/// Pages that are read ahead of the index.
const PAGES_AHEAD: usize = 4;
/// Events that are read at once because they changed.
const EVENTS_PER_READ: usize = 64;
/// Changes that are known to be read again. Beyond that some are applied twice, which does no harm.
const SEEN_MAX: usize = 100_000;
/// Shows whose counts are looked at in one step.
const COUNTS_PER_STEP: usize = 64;
/// How long the log may take for the counts of a step: changes of the catalog wait behind it.
const COUNTS_PATIENCE: Duration = Duration::from_millis(150);
/// Events of one step of the look at the whole catalog.
const SWEPT_PER_STEP: u32 = 64;

/// Why an index does not follow.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// The store does not answer now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store cannot tell what has changed.
    #[error("the store cannot tell any more what has changed in the catalog")]
    Outdated,
    /// A change panicked in the middle of it.
    #[error("a change has damaged the index")]
    Damaged,
    /// It takes no more events.
    #[error(transparent)]
    Refused(#[from] SearchError),
    /// The process stops.
    #[error("the process stops")]
    Stopping,
}

/// What is to be done to an index.
enum Change {
    Put(Document),
    Remove(EventId, u64),
}

/// What is known of an event in the index.
struct Known {
    left: Left,
    text_bytes: usize,
    /// Of its document and its row: what is as it was is not indexed again. Rows are kept by the versions of documents
    /// (see [`super::rows`]), so whatever is shown of an event makes another one.
    fingerprint: u64,
    /// When the next of its sales closes; `None` where none is open.
    closes_at_ms: Option<u64>,
}

/// What an index has, and what has to be done to it.
#[derive(Default)]
struct KnownEvents {
    events: BTreeMap<EventId, Known>,
    text_bytes: usize,
    /// When the next sale of each closes: then it is to be looked at again, since nothing else happens.
    closing: BTreeSet<(u64, EventId)>,
    /// Something was left out.
    is_full: bool,
    changes: Vec<Change>,
}

impl KnownEvents {
    /// An event as the store has it now. `left` where that was looked at.
    fn learn(&mut self, finder: &Finder, event: &FindableEvent, left: Option<Left>, now_ms: u64) {
        let id = event.event.event_id;
        if event.event.status != EventStatus::Published {
            self.forget(finder, id);
            return;
        }
        let before = self.events.get(&id);
        let left = left.or_else(|| before.map(|known| known.left));
        let left = left.unwrap_or(Left::UNKNOWN);
        let mut document = document(event, left, now_ms);
        let fingerprint = xxh3_64(format!("{document:?}{:?}", event.event).as_bytes());
        let closes_at_ms = remaining::next_close(event, now_ms);
        if before.is_some_and(|known| known.fingerprint == fingerprint) {
            self.wake_at(id, closes_at_ms);
            return;
        }
        let added = text_bytes(&document);
        let others = self.text_bytes - before.map_or(0, |known| known.text_bytes);
        let is_beyond = before.is_none() && self.events.len() >= EVENTS_MAX;
        if is_beyond || others + added > TEXT_BYTES_MAX {
            self.is_full = true;
            self.forget(finder, id);
            return;
        }
        self.text_bytes = others + added;
        let known = Known {
            left,
            text_bytes: added,
            fingerprint,
            closes_at_ms: before.and_then(|known| known.closes_at_ms),
        };
        self.events.insert(id, known);
        self.wake_at(id, closes_at_ms);
        document.version = finder.next_version();
        self.changes.push(Change::Put(document));
    }

    /// An event that is not public, or not there.
    fn forget(&mut self, finder: &Finder, id: EventId) {
        if let Some(known) = self.events.remove(&id) {
            self.text_bytes -= known.text_bytes;
            if let Some(at_ms) = known.closes_at_ms {
                self.closing.remove(&(at_ms, id));
            }
            let version = finder.next_version();
            self.changes.push(Change::Remove(id, version));
        }
    }

    /// Notes when the next sale of an event closes.
    fn wake_at(&mut self, id: EventId, closes_at_ms: Option<u64>) {
        let Some(known) = self.events.get_mut(&id) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut known.closes_at_ms, closes_at_ms) {
            self.closing.remove(&(before, id));
        }
        if let Some(at_ms) = closes_at_ms {
            self.closing.insert((at_ms, id));
        }
    }

    /// At most this many events of which a sale has closed since they were looked at, the longest ago first.
    fn closed(&self, now_ms: u64, events_max: usize) -> Vec<EventId> {
        let due = self
            .closing
            .iter()
            .take_while(|(at_ms, _)| *at_ms <= now_ms);
        due.map(|(_, id)| *id).take(events_max).collect()
    }
}

/// See the module.
pub(super) struct Following {
    held: Arc<Held>,
    cursor: ChangeCursor,
    /// Changes that were applied and will be read again.
    seen: HashSet<CatalogChange>,
    known: KnownEvents,
    /// How far the look at the whole catalog is; `None` where there is none under way.
    swept: Option<EventId>,
}

impl Following {
    /// Makes an index of the catalog as it is now.
    pub(super) async fn build(state: AppState) -> Result<Self, FollowError> {
        let (finder, store) = (&state.finder, &state.installation);
        // Read first: what changes from here on is told afterwards.
        let cursor = store.catalog_changes_end().await?;
        let mut known = KnownEvents::default();
        let (pages, mut to_index) = mpsc::channel::<Vec<Document>>(PAGES_AHEAD);
        let building = tokio::task::spawn_blocking(move || {
            Index::build(std::iter::from_fn(move || to_index.blocking_recv()).flatten())
        });
        let mut after = Uuid::nil();
        loop {
            if state.closing.is_cancelled() {
                return Err(FollowError::Stopping);
            }
            let page = store.findable_after(after, EVENTS_PER_PAGE).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = last.event.event_id.0;
            let now_ms = state.clock.now_ms();
            for event in &page {
                known.learn(finder, event, None, now_ms);
            }
            let changes = std::mem::take(&mut known.changes).into_iter();
            let documents = changes.filter_map(|change| match change {
                Change::Put(document) => Some(document),
                Change::Remove(..) => None,
            });
            if pages.send(documents.collect()).await.is_err() {
                break;
            }
            finder.progress.is_building(known.events.len());
        }
        drop(pages);
        let index = building.await.map_err(|_| FollowError::Damaged)??;
        let mut following = Self {
            held: Arc::new(Held::new(index)),
            cursor,
            seen: HashSet::new(),
            known,
            // So that what is left of each is known soon.
            swept: Some(EventId(Uuid::nil())),
        };
        following.catch_up(&state).await?;
        Ok(following)
    }

    /// The index.
    pub(super) fn held(&self) -> Arc<Held> {
        self.held.clone()
    }

    /// Begins to look at the whole catalog.
    pub(super) fn sweep(&mut self) {
        self.swept = Some(EventId(Uuid::nil()));
    }

    /// Whether that is under way.
    pub(super) fn is_sweeping(&self) -> bool {
        self.swept.is_some()
    }

    /// Brings the index into step: what changed in the catalog, what was taken or given back, whose sale has closed,
    /// and a piece of the whole.
    pub(super) async fn follow(&mut self, state: &AppState) -> Result<(), FollowError> {
        self.catch_up(state).await?;
        if state.finder.stirred.take_lost() {
            self.sweep();
        }
        let stirred = state.finder.stirred.take(COUNTS_PER_STEP);
        if let Err(error) = self.count(state, &stirred).await {
            for show in stirred {
                state.finder.stirred.stir(show);
            }
            return Err(error);
        }
        self.close(state).await?;
        self.sweep_on(state).await
    }

    /// Applies what changed in the catalog since the last time.
    async fn catch_up(&mut self, state: &AppState) -> Result<(), FollowError> {
        loop {
            let read = state.installation.catalog_changes(self.cursor).await?;
            if read.is_lost {
                return Err(FollowError::Outdated);
            }
            let is_new = |change: &&CatalogChange| !self.seen.contains(*change);
            let new: Vec<CatalogChange> = read.changes.iter().filter(is_new).copied().collect();
            let events: BTreeSet<EventId> = new.iter().map(|change| change.event_id).collect();
            let events: Vec<EventId> = events.into_iter().collect();
            for some in events.chunks(EVENTS_PER_READ) {
                let found = state.installation.findable(some).await?;
                self.learn(state, some, &found, &HashMap::new()).await?;
            }
            // Only now: what failed is read again.
            self.cursor = read.cursor;
            if self.seen.len() + new.len() > SEEN_MAX {
                self.seen.clear();
            }
            self.seen.extend(new);
            if !read.has_more {
                let cursor = self.cursor;
                self.seen.retain(|change| cursor.reads_again(change));
                return Ok(());
            }
        }
    }

    /// Looks at what is left of the events of these shows.
    async fn count(&mut self, state: &AppState, shows: &[ShowId]) -> Result<(), FollowError> {
        if shows.is_empty() {
            return Ok(());
        }
        let events = state.installation.events_of_shows(shows).await?;
        let found = state.installation.findable(&events).await?;
        let left = ask_all(state, &found).await.unwrap_or_default();
        let now_ms = state.clock.now_ms();
        let is_unanswered = |event: &&FindableEvent| !left.contains_key(&event.event.event_id);
        for event in found.iter().filter(is_unanswered) {
            // The log is slow, or not there at the moment.
            for show in remaining::on_sale(event, now_ms) {
                if shows.contains(&show.show_id) {
                    state.finder.stirred.stir(show.show_id);
                }
            }
        }
        self.learn(state, &events, &found, &left).await
    }

    /// Looks at events of which a sale has closed since the last look. What fails is looked at again.
    async fn close(&mut self, state: &AppState) -> Result<(), FollowError> {
        let events = self.known.closed(state.clock.now_ms(), COUNTS_PER_STEP);
        if events.is_empty() {
            return Ok(());
        }
        let found = state.installation.findable(&events).await?;
        let left = ask_all(state, &found).await;
        if left.is_none() {
            // The log is slow. What is left in those that are still on sale is asked for again.
            let now_ms = state.clock.now_ms();
            for show in found
                .iter()
                .filter_map(|event| remaining::on_sale(event, now_ms).next())
            {
                state.finder.stirred.stir(show.show_id);
            }
        }
        self.learn(state, &events, &found, &left.unwrap_or_default())
            .await
    }

    /// Goes on with the look at the whole catalog.
    async fn sweep_on(&mut self, state: &AppState) -> Result<(), FollowError> {
        let Some(after) = self.swept else {
            return Ok(());
        };
        if after.0.is_nil() {
            self.known.is_full = false;
        }
        let store = &state.installation;
        let found = store.findable_after(after.0, SWEPT_PER_STEP).await?;
        let last = found.last().map(|event| event.event.event_id);
        // What lies there in the index and not in the store is gone.
        let end = last.map_or(Bound::Unbounded, Bound::Included);
        let known = self.known.events.range((Bound::Excluded(after), end));
        let mut events: BTreeSet<EventId> = known.map(|(id, _)| *id).collect();
        events.extend(found.iter().map(|event| event.event.event_id));
        let events: Vec<EventId> = events.into_iter().collect();
        let left = ask_all(state, &found).await.unwrap_or_default();
        self.learn(state, &events, &found, &left).await?;
        self.swept = last;
        if last.is_none() {
            state.finder.progress.is_full(self.known.is_full);
        }
        Ok(())
    }

    /// Tells the index of these events what the store has `found` of them, and what is left.
    async fn learn(
        &mut self,
        state: &AppState,
        events: &[EventId],
        found: &[FindableEvent],
        left: &HashMap<EventId, Left>,
    ) -> Result<(), FollowError> {
        let finder = &state.finder;
        let now_ms = state.clock.now_ms();
        let there: HashSet<EventId> = found.iter().map(|event| event.event.event_id).collect();
        for id in events.iter().filter(|id| !there.contains(id)) {
            self.known.forget(finder, *id);
        }
        for event in found {
            let left = left.get(&event.event.event_id).copied();
            self.known.learn(finder, event, left, now_ms);
        }
        if self.known.is_full {
            finder.progress.is_full(true);
        }
        let changes = std::mem::take(&mut self.known.changes);
        if changes.is_empty() {
            return Ok(());
        }
        let held = self.held.clone();
        change(held, move |index| apply(index, &changes)).await??;
        finder.has_changed();
        Ok(())
    }

    /// How many events are in the index.
    pub(super) fn events(&self) -> usize {
        self.known.events.len()
    }

    /// Whether events were left out.
    pub(super) fn is_full(&self) -> bool {
        self.known.is_full
    }
}

/// Changes an index, beside the threads that serve requests. Of one that panics nothing is known.
async fn change<T: Send + 'static>(
    held: Arc<Held>,
    work: impl FnOnce(&Held) -> T + Send + 'static,
) -> Result<T, FollowError> {
    tokio::task::spawn_blocking(move || work(&held))
        .await
        .map_err(|_| FollowError::Damaged)
}

fn apply(held: &Held, changes: &[Change]) -> Result<(), SearchError> {
    for change in changes {
        // Searches go on between two changes.
        match change {
            Change::Put(document) => {
                held.write().upsert(document)?;
            }
            Change::Remove(id, version) => {
                held.write().remove(*id, *version);
            }
        }
    }
    Ok(())
}

/// What is left of those of these events that are on sale, as far as the log says; `None` when it takes
/// too long.
async fn ask_all(state: &AppState, events: &[FindableEvent]) -> Option<HashMap<EventId, Left>> {
    let now_ms = state.clock.now_ms();
    let mut asked = Vec::with_capacity(events.len());
    for event in events {
        asked.push(async move {
            let left = remaining::ask(state.log.as_ref(), event, now_ms).await;
            left.map(|left| (event.event.event_id, left))
        });
    }
    let answers = tokio::time::timeout(COUNTS_PATIENCE, join_all(asked)).await;
    Some(answers.ok()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
