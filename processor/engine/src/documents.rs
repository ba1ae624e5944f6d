//! Catalog documents of events and shows. The machine keeps them and does not look inside.
//!
//! None is ever removed, only replaced, so a slot belongs to its subject for good; clones of the
//! partition share their bytes.

use onsale_schemas::command::Subject;
use triomphe::Arc;

use crate::hash;
use crate::index::Index;
use crate::pages::Pages;

#[derive(Clone, Default)]
struct Cell(Option<(Subject, Arc<[u8]>)>);

/// The table.
#[derive(Clone)]
pub(crate) struct Documents {
    cells: Pages<Cell, 64>,
    index: Index,
    /// Bytes of all documents.
    bytes: u64,
}

fn hash_of(subject: &Subject) -> u64 {
    match subject {
        Subject::Event(event) => hash::id(event.as_bytes()),
        Subject::Show { show, .. } => hash::id(show.as_bytes()),
    }
}

fn size(document: &[u8]) -> u64 {
    u64::try_from(document.len()).unwrap_or(u64::MAX)
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self {
            cells: Pages::new(),
            index: Index::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.index.len()
    }

    /// Bytes of all documents.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn at(&self, slot: u32) -> Option<(&Subject, &[u8])> {
        let (subject, document) = self.cells.get(slot).0.as_ref()?;
        Some((subject, document))
    }

    fn find(&self, subject: &Subject) -> Option<u32> {
        self.index.find(hash_of(subject), |slot| {
            self.at(slot).is_some_and(|(known, _)| known == subject)
        })
    }

    /// The document of a subject.
    pub(crate) fn get(&self, subject: &Subject) -> Option<&[u8]> {
        self.at(self.find(subject)?).map(|(_, document)| document)
    }

    /// Bytes of all documents once this one has taken the place of the one before.
    pub(crate) fn bytes_with(&self, subject: &Subject, document: &[u8]) -> u64 {
        let before = self.get(subject).map_or(0, size);
        self.bytes
            .saturating_sub(before)
            .saturating_add(size(document))
    }

    /// Puts a document in the place of the one before.
    pub(crate) fn put(&mut self, subject: Subject, document: &[u8]) {
        self.bytes = self.bytes_with(&subject, document);
        let known = self.find(&subject);
        let slot = known.unwrap_or_else(|| self.index.len());
        self.cells.grow_to(slot);
        // Before the index has it: a bucket that is split asks for the hashes of all its entries.
        *self.cells.get_mut(slot) = Cell(Some((subject, Arc::from(document))));
        if known.is_none() {
            let cells = &self.cells;
            self.index.insert(hash_of(&subject), slot, |entry| {
                let entry = cells.get(entry).0.as_ref();
                entry.map_or(0, |(subject, _)| hash_of(subject))
            });
        }
    }

    /// All documents in the order of their subjects.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Subject, &[u8])> {
        let mut all: Vec<(Subject, &[u8])> = (0..self.len())
            .filter_map(|slot| self.at(slot))
            .map(|(subject, document)| (*subject, document))
            .collect();
        all.sort_unstable_by_key(|&(subject, _)| subject);
        all.into_iter()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.cells.memory_bytes()
            + self.index.memory_bytes()
            + usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{EventId, ShowId};

    use super::*;

    #[test]
    fn keeps_the_last_of_each_subject_in_their_order() {
        let event = |n: u8| EventId::from_bytes([n; 16]);
        let show = |show: u8, of: u8| Subject::Show {
            show: ShowId::from_bytes([show; 16]),
            event: event(of),
        };
        let mut documents = Documents::new();
        documents.put(show(2, 1), b"second");
        documents.put(Subject::Event(event(9)), b"an event");
        documents.put(show(1, 1), b"first");
        let frozen = documents.clone();
        assert_eq!(documents.bytes_with(&show(2, 1), b"2"), 8 + 5 + 1);
        documents.put(show(2, 1), b"2");
        documents.put(show(2, 2), b"of another event");
        let all: Vec<(Subject, &[u8])> = documents.iter().collect();
        let expected: [(Subject, &[u8]); 4] = [
            (Subject::Event(event(9)), b"an event"),
            (show(1, 1), b"first"),
            (show(2, 1), b"2"),
            (show(2, 2), b"of another event"),
        ];
        assert_eq!(all, expected);
        assert_eq!(documents.bytes(), 8 + 5 + 1 + 16);
        assert_eq!(frozen.get(&show(2, 1)), Some(b"second".as_slice()));
        assert_eq!((frozen.len(), frozen.bytes()), (3, 6 + 8 + 5));
    }

    #[test]
    fn many_are_all_found() {
        let mut documents = Documents::new();
        let event = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            Subject::Event(EventId::from_bytes(id))
        };
        for n in 0..5_000 {
            documents.put(event(n), &n.to_le_bytes());
        }
        for n in 0..5_000 {
            assert_eq!(documents.get(&event(n)), Some(n.to_le_bytes().as_slice()));
        }
    }
}
