//! The table of codes: fixed-size records in pages, found by show and hash.
//!
//! Ending a group, or a show, takes effect at once because a code counts only while its group does;
//! the records are swept later.

use onsale_schemas::{CodeGroup, CodeHash, Offset};

use crate::hash;
use crate::index::{Index, NONE};
use crate::pages::Pages;
use crate::shows::{Show, Shows};

/// A code.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) hash: CodeHash,
    /// The record that created it.
    pub(crate) created: Offset,
    /// Slot of the show; `NONE` when vacant.
    pub(crate) show: u32,
    pub(crate) group: CodeGroup,
    /// Live bookings that carry it. Vacant: the next vacant record.
    pub(crate) uses: u32,
}

impl Default for Code {
    fn default() -> Self {
        Self {
            hash: CodeHash::from_bytes([0; 16]),
            created: 0,
            show: NONE,
            group: 0,
            uses: NONE,
        }
    }
}

impl Code {
    fn is_of(&self, show: &Show) -> bool {
        let group = show.sale().and_then(|sale| sale.groups.get(&self.group));
        group.is_some_and(|group| self.created >= group.begun)
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct Codes {
    cells: Pages<Code, 128>,
    made: u32,
    free: u32,
    index: Index,
    /// Codes that count.
    pub(crate) live: u32,
    /// Records of codes that ended with their group or show.
    pub(crate) stale: u32,
    /// Where the search for them stands: it goes from the last record to the first, again and again.
    sweep_left: u32,
}

fn key(show: u32, code: &CodeHash) -> u64 {
    hash::id_within(show, code.as_bytes())
}

impl Codes {
    pub(crate) fn new() -> Self {
        Self {
            cells: Pages::new(),
            made: 0,
            free: NONE,
            index: Index::new(),
            live: 0,
            stale: 0,
            sweep_left: 0,
        }
    }

    pub(crate) fn get(&self, at: u32) -> &Code {
        self.cells.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> &mut Code {
        self.cells.get_mut(at)
    }

    /// A code that counts.
    pub(crate) fn find(&self, slot: u32, show: &Show, code: &CodeHash) -> Option<u32> {
        self.index.find(key(slot, code), |at| {
            let known = self.cells.get(at);
            known.show == slot && known.hash == *code && known.is_of(show)
        })
    }

    /// Adds a code that is not known to count.
    pub(crate) fn insert(&mut self, code: Code) -> u32 {
        let at = if self.free == NONE {
            let at = self.made;
            self.made += 1;
            self.cells.grow_to(at);
            at
        } else {
            let at = self.free;
            self.free = self.cells.get(at).uses;
            at
        };
        *self.cells.get_mut(at) = code;
        let cells = &self.cells;
        self.index.insert(key(code.show, &code.hash), at, |older| {
            let older = cells.get(older);
            key(older.show, &older.hash)
        });
        self.live += 1;
        at
    }

    /// Ends one code.
    pub(crate) fn remove(&mut self, at: u32) {
        self.erase(at);
        self.live -= 1;
    }

    /// Notes that codes ended with their group or show.
    pub(crate) fn let_go(&mut self, codes: u32) {
        self.live -= codes;
        self.stale += codes;
    }

    fn erase(&mut self, at: u32) {
        let known = *self.cells.get(at);
        let removed = self.index.remove(key(known.show, &known.hash), at);
        debug_assert!(removed, "every code is indexed");
        *self.cells.get_mut(at) = Code {
            uses: self.free,
            ..Code::default()
        };
        self.free = at;
    }

    /// Looks at no more than `steps` records for ones that ended. Returns the steps that are left.
    pub(crate) fn sweep(&mut self, shows: &Shows, steps: usize) -> usize {
        let mut left = steps;
        // Once round finds all of them. The walk goes on where the last one stopped, so that codes
        // which end all the time keep none from being found.
        for _ in 0..steps.min(self.made as usize) {
            if self.stale == 0 {
                break;
            }
            left -= 1;
            if self.sweep_left == 0 {
                self.sweep_left = self.made;
            }
            self.sweep_left -= 1;
            let at = self.sweep_left;
            let known = self.cells.get(at);
            if known.show != NONE && !known.is_of(shows.get(known.show)) {
                self.erase(at);
                self.stale -= 1;
            }
        }
        left
    }

    /// Records in use, ended ones that were not swept yet included.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Code)> {
        (0..self.made)
            .map(|at| (at, self.cells.get(at)))
            .filter(|(_, code)| code.show != NONE)
    }

    /// Whether the code counts.
    pub(crate) fn counts(code: &Code, shows: &Shows) -> bool {
        code.is_of(shows.get(code.show))
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.cells.memory_bytes() + self.index.memory_bytes()
    }
}
