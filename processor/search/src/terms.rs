//! The dictionary: every term with the entries that have it, and a trie to find terms by their
//! beginning and in spite of typos.

mod fuzzy;
mod trie;

use std::collections::HashMap;

use crate::text::is_pair;
use trie::Trie;

use fuzzy::Wanted;
pub(crate) use fuzzy::{Expansion, typos_of};

/// Number of a term in the dictionary.
pub(crate) type TermId = u32;
/// Number of an entry (an event, a text to suggest) in its index.
pub(crate) type Slot = u32;

/// Largest number of slots: the other bits of a posting are the fields.
pub(crate) const SLOTS_MAX: usize = 1 << 24;

/// That an entry has a term: slot and, in the lowest 8 bits, in which fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Posting(u32);

impl Posting {
    fn new(slot: Slot, fields: u8) -> Self {
        Self(slot << 8 | u32::from(fields))
    }

    pub(crate) fn slot(self) -> Slot {
        self.0 >> 8
    }

    pub(crate) fn fields(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}

/// All terms of one index.
#[derive(Default)]
pub(crate) struct Terms {
    ids: HashMap<Box<str>, TermId>,
    /// By id, in the order of their slots.
    postings: Vec<Vec<Posting>>,
    /// By id, how many postings: what walks look at beside each other.
    frequencies: Vec<u32>,
    trie: Trie,
    /// Ids of terms that nothing has any more. They keep their place, and mostly come back.
    unused: usize,
}

impl Terms {
    /// How many terms.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many of them nothing has any more.
    pub(crate) fn unused(&self) -> usize {
        self.unused
    }

    /// The id of a term, which is new where it was not known.
    pub(crate) fn intern(&mut self, term: &str) -> TermId {
        if let Some(&id) = self.ids.get(term) {
            return id;
        }
        let id = TermId::try_from(self.postings.len()).unwrap_or(TermId::MAX);
        self.ids.insert(term.into(), id);
        self.postings.push(Vec::new());
        self.frequencies.push(0);
        self.unused += 1;
        if !is_pair(term) {
            self.trie.insert(term, id);
        }
        id
    }

    /// The id of a term, if anything has it.
    pub(crate) fn get(&self, term: &str) -> Option<TermId> {
        let id = *self.ids.get(term)?;
        (!self.postings(id).is_empty()).then_some(id)
    }

    /// What has the term, in the order of slots.
    pub(crate) fn postings(&self, id: TermId) -> &[Posting] {
        self.postings.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// Notes that an entry, which did not have it, has a term.
    pub(crate) fn add(&mut self, id: TermId, slot: Slot, fields: u8) {
        let Some(postings) = self.postings.get_mut(id as usize) else {
            return;
        };
        if postings.is_empty() {
            self.unused -= 1;
        }
        if let Some(frequency) = self.frequencies.get_mut(id as usize) {
            *frequency += 1;
        }
        let posting = Posting::new(slot, fields);
        match postings.last() {
            Some(last) if last.slot() >= slot => {
                let at = postings.partition_point(|other| other.slot() < slot);
                postings.insert(at, posting);
            }
            _ => postings.push(posting),
        }
    }

    /// Notes that an entry does not have it any more.
    pub(crate) fn remove(&mut self, id: TermId, slot: Slot) {
        let Some(postings) = self.postings.get_mut(id as usize) else {
            return;
        };
        if let Ok(at) = postings.binary_search_by_key(&slot, |posting| posting.slot()) {
            postings.remove(at);
            if let Some(frequency) = self.frequencies.get_mut(id as usize) {
                *frequency -= 1;
            }
            if postings.is_empty() {
                postings.shrink_to_fit();
                self.unused += 1;
            }
        }
    }

    /// The terms that begin like this, the most frequent ones where there are too many.
    pub(crate) fn with_prefix(&self, prefix: &str, out: &mut Vec<Expansion>) {
        self.expand(prefix, 0, true, out);
    }

    /// The terms that this may be with as many typos as its length allows; as the beginning of a
    /// longer word too, if told so.
    pub(crate) fn with_typos(&self, word: &str, is_prefix: bool, out: &mut Vec<Expansion>) {
        let typos = typos_of(word.chars().count());
        self.expand(word, typos, is_prefix, out);
    }

    fn expand(&self, word: &str, typos: u8, is_prefix: bool, out: &mut Vec<Expansion>) {
        let wanted = Wanted {
            word,
            typos,
            is_prefix,
        };
        let frequency = |id: TermId| self.frequencies.get(id as usize).copied().unwrap_or(0);
        fuzzy::expand(&self.trie, &wanted, frequency, out);
    }

    /// Bytes on the heap, nearly.
    pub(crate) fn heap_bytes(&self) -> usize {
        let keys: usize = self.ids.keys().map(|term| term.len()).sum();
        // A bucket, its control byte, and seven eighths of them used at most.
        let table = self.ids.capacity() * (size_of::<(Box<str>, TermId)>() + 1) * 8 / 7;
        let lists: usize = self.postings.iter().map(Vec::capacity).sum();
        keys + table
            + self.postings.capacity() * size_of::<Vec<Posting>>()
            + lists * size_of::<Posting>()
            + self.frequencies.capacity() * size_of::<u32>()
            + self.trie.heap_bytes()
    }

    /// Gives back what growing has set aside.
    pub(crate) fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        self.postings.shrink_to_fit();
        self.postings.iter_mut().for_each(Vec::shrink_to_fit);
        self.frequencies.shrink_to_fit();
        self.trie.shrink();
    }
}
