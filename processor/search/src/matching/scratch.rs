//! What a search notes of each entry while it runs.

use std::sync::{Mutex, PoisonError};

use crate::entries::Entries;
use crate::terms::{Slot, TermId};

/// Searches at once whose memory is kept for the next ones.
const KEPT_MAX: usize = 8;

#[derive(Clone, Copy, Default)]
pub(super) struct Cell {
    /// Of which search this is; of an earlier one it counts as empty.
    search: u32,
    pub(super) score: f32,
    /// What the last clause added.
    pub(super) last: f32,
    /// The last clause that was counted, from 1.
    pub(super) clause: u8,
    /// How many clauses fit.
    pub(super) count: u8,
    /// How many pairs of the current clause it has.
    pub(super) pairs: u8,
    /// In which fields.
    pub(super) pair_fields: u8,
    /// Whether a word is in the name.
    pub(super) is_in_name: bool,
}

/// The memory of one search.
#[derive(Default)]
pub(crate) struct Scratch {
    search: u32,
    cells: Vec<Cell>,
    /// By term: the place of its clause in the text, from 1; 0 of all others.
    places: Vec<u8>,
}

impl Scratch {
    /// Prepares it for a search of these entries.
    pub(super) fn begin(&mut self, entries: &Entries) {
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.cells.clear();
            self.search = 1;
        }
        if self.cells.len() < entries.slots() {
            self.cells.resize(entries.slots(), Cell::default());
        }
        if self.places.len() < entries.terms.len() {
            self.places.resize(entries.terms.len(), 0);
        }
    }

    /// The cell of a slot that is there, and whether this search sees it for the first time.
    pub(super) fn touch(&mut self, slot: Slot) -> (&mut Cell, bool) {
        #[expect(
            clippy::indexing_slicing,
            reason = "postings name slots that are there"
        )]
        let cell = &mut self.cells[slot as usize];
        let is_new = cell.search != self.search;
        if is_new {
            *cell = Cell {
                search: self.search,
                ..Cell::default()
            };
        }
        (cell, is_new)
    }

    pub(super) fn cell(&self, slot: Slot) -> Cell {
        let cell = self.cells.get(slot as usize).copied();
        cell.filter(|cell| cell.search == self.search)
            .unwrap_or_default()
    }

    pub(super) fn set_place(&mut self, term: TermId, place: u8) {
        if let Some(at) = self.places.get_mut(term as usize) {
            *at = place;
        }
    }

    pub(super) fn place(&self, term: TermId) -> u8 {
        self.places.get(term as usize).copied().unwrap_or(0)
    }
}

/// Memory that searches have left, for those to come.
#[derive(Default)]
pub(crate) struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    pub(crate) fn take(&self) -> Scratch {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, scratch: Scratch) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(scratch);
        }
    }

    /// Bytes on the heap, nearly.
    pub(crate) fn heap_bytes(&self) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .map(|one| one.cells.capacity() * size_of::<Cell>() + one.places.capacity())
            .sum()
    }
}
