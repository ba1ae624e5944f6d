//! The index and how it follows the catalog.

mod removals;
mod rows;

use std::collections::HashMap;

use onsale_schemas::EventId;

use crate::document::Document;
use crate::entries::{CATEGORY, CITY, DESCRIPTION, Entries, NAME, PERFORMER, VENUE};
use crate::error::SearchError;
use crate::limits::{DOCUMENTS_MAX, PERFORMERS_MAX};
use crate::matching::Scratches;
use crate::suggest::Phrases;
use crate::terms::Slot;
use crate::values::Values;

use removals::Removals;
pub(crate) use rows::Row;

/// Terms that nothing has any more, from which on an index is worth building anew.
const UNUSED_TERMS_MIN: usize = 50_000;

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// The index has it now.
    Changed,
    /// It is not newer than what the index has, and changed nothing.
    Outdated,
}

/// A full-text index over the catalog, in memory.
///
/// It is changed by one and searched by many, so it belongs behind a read-write lock: a change holds
/// that for some tenths of a millisecond. It is made of what the store has and nothing else; there is no
/// file that could be damaged or old.
#[derive(Default)]
pub struct Index {
    pub(crate) slots: HashMap<EventId, Slot>,
    pub(crate) rows: Vec<Option<Row>>,
    free: Vec<Slot>,
    removals: Removals,
    pub(crate) entries: Entries,
    pub(crate) cities: Values,
    pub(crate) venues: Values,
    pub(crate) categories: Values,
    pub(crate) tenants: Values,
    pub(crate) phrases: Phrases,
    pub(crate) scratches: Scratches,
}

/// How large an index is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Events, those that are not published included.
    pub documents: usize,
    /// Different words and pairs of letters.
    pub terms: usize,
    /// Different texts that may be suggested.
    pub phrases: usize,
    /// Memory, in bytes, as good as can be told from within.
    pub heap_bytes: usize,
}

impl Index {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index of these documents, of which the newest of each event counts.
    ///
    /// # Errors
    /// [`SearchError::Full`].
    pub fn build(documents: impl IntoIterator<Item = Document>) -> Result<Self, SearchError> {
        let mut index = Self::new();
        for document in documents {
            index.upsert(&document)?;
        }
        index.shrink();
        Ok(index)
    }

    /// Adds an event or replaces what is known of it, if the document is newer than that. (Of the same
    /// version, the first counts.)
    ///
    /// # Errors
    /// [`SearchError::Full`].
    pub fn upsert(&mut self, document: &Document) -> Result<Applied, SearchError> {
        let id = document.event_id;
        if self
            .version(id)
            .is_some_and(|known| known >= document.version)
        {
            return Ok(Applied::Outdated);
        }
        let slot = match self.slots.get(&id) {
            Some(&slot) => {
                self.empty(slot);
                slot
            }
            None => self.slot_for(id)?,
        };
        self.removals.forget(id);
        self.fill(slot, document);
        Ok(Applied::Changed)
    }

    /// Takes an event out, if this is newer than what the index has; what is older and arrives later
    /// will not bring it back.
    pub fn remove(&mut self, event_id: EventId, version: u64) -> Applied {
        if self.version(event_id).is_some_and(|known| known >= version) {
            return Applied::Outdated;
        }
        if let Some(slot) = self.slots.remove(&event_id) {
            self.empty(slot);
            self.free.push(slot);
        }
        self.removals.note(event_id, version);
        Applied::Changed
    }

    /// The newest version that the index knows of an event, a removed one included.
    pub fn version(&self, event_id: EventId) -> Option<u64> {
        match self.slots.get(&event_id) {
            Some(slot) => self.row(*slot).map(|row| row.version),
            None => self.removals.version(event_id),
        }
    }

    /// Events, those that are not published included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether so much of it is about what is gone that a new one, made by [`Index::build`], would be
    /// much smaller. It works all the same.
    pub fn is_worth_rebuilding(&self) -> bool {
        [&self.entries, &self.phrases.entries]
            .iter()
            .any(|entries| {
                let unused = entries.terms.unused();
                unused > UNUSED_TERMS_MIN && unused > entries.terms.len() / 2
            })
    }

    /// How large it is. Takes some milliseconds.
    pub fn size(&self) -> Size {
        let rows = self.rows.capacity() * size_of::<Option<Row>>();
        let phrases_of_rows: usize = self
            .rows
            .iter()
            .flatten()
            .map(|row| row.phrases.len() * size_of::<Slot>())
            .sum();
        let slots = self.slots.capacity() * (size_of::<(EventId, Slot)>() + 1) * 8 / 7;
        let values = [&self.cities, &self.venues, &self.categories, &self.tenants];
        Size {
            documents: self.len(),
            terms: self.entries.terms.len(),
            phrases: self.phrases.len(),
            heap_bytes: rows
                + phrases_of_rows
                + slots
                + values.map(Values::heap_bytes).iter().sum::<usize>()
                + self.removals.heap_bytes()
                + self.entries.heap_bytes()
                + self.phrases.heap_bytes()
                + self.scratches.heap_bytes(),
        }
    }

    pub(crate) fn row(&self, slot: Slot) -> Option<&Row> {
        self.rows.get(slot as usize)?.as_ref()
    }

    fn slot_for(&mut self, id: EventId) -> Result<Slot, SearchError> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.rows.len() >= DOCUMENTS_MAX => return Err(SearchError::Full),
            None => {
                self.rows.push(None);
                Slot::try_from(self.rows.len() - 1).map_err(|_| SearchError::Full)?
            }
        };
        self.slots.insert(id, slot);
        Ok(slot)
    }

    fn fill(&mut self, slot: Slot, document: &Document) {
        let mut row = Row::new(document);
        if document.is_published {
            let value = |values: &mut Values, text: &Option<String>| {
                text.as_deref()
                    .map_or(crate::values::NO_VALUE, |text| values.add(text))
            };
            row.tenant = self.tenants.add(&document.tenant);
            row.city = value(&mut self.cities, &document.city);
            row.venue = value(&mut self.venues, &document.venue);
            row.category = value(&mut self.categories, &document.category);
            self.entries.put(slot, texts(document));
            row.phrases = self.phrases.add(document);
        }
        if let Some(place) = self.rows.get_mut(slot as usize) {
            *place = Some(row);
        }
    }

    fn empty(&mut self, slot: Slot) {
        let Some(row) = self.rows.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        if row.is_published {
            self.tenants.remove(row.tenant);
            self.cities.remove(row.city);
            self.venues.remove(row.venue);
            self.categories.remove(row.category);
            self.entries.clear(slot);
            self.phrases.remove(&row.phrases);
        }
    }

    fn shrink(&mut self) {
        self.slots.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.entries.shrink();
        self.phrases.shrink();
    }
}

/// The texts of a document that are searched. The name comes first, and the description last: it is
/// what a bound may cut.
fn texts(document: &Document) -> impl Iterator<Item = (u8, &str)> {
    let performers = document.performers.iter().take(PERFORMERS_MAX);
    std::iter::once((NAME, document.name.as_str()))
        .chain(performers.map(|performer| (PERFORMER, performer.as_str())))
        .chain(document.venue.iter().map(|text| (VENUE, text.as_str())))
        .chain(document.city.iter().map(|text| (CITY, text.as_str())))
        .chain(
            document
                .category
                .iter()
                .map(|text| (CATEGORY, text.as_str())),
        )
        .chain(
            document
                .description
                .iter()
                .map(|text| (DESCRIPTION, text.as_str())),
        )
}
