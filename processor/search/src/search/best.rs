//! The first hits of many, without keeping the others.

use crate::cursor::Key;
use crate::terms::Slot;

/// How many more than wanted are kept before the worse ones go.
const SPARE: usize = 4;

/// The hits that come first, and whether there are others.
pub(super) struct Best {
    wanted: usize,
    kept: Vec<(Key, Slot)>,
    /// What is not before this one cannot be among them.
    bound: Option<Key>,
    has_more: bool,
}

impl Best {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            kept: Vec::new(),
            bound: None,
            has_more: false,
        }
    }

    pub(super) fn push(&mut self, key: Key, slot: Slot) {
        if self.bound.is_some_and(|bound| key > bound) {
            self.has_more = true;
            return;
        }
        self.kept.push((key, slot));
        if self.kept.len() > self.wanted * SPARE {
            self.cut();
        }
    }

    /// The hits in order, and whether there are more.
    pub(super) fn into_sorted(mut self) -> (Vec<(Key, Slot)>, bool) {
        self.cut();
        self.kept.sort_unstable();
        (self.kept, self.has_more)
    }

    fn cut(&mut self) {
        if self.kept.len() > self.wanted {
            self.kept.select_nth_unstable(self.wanted);
            self.kept.truncate(self.wanted);
            self.bound = self.kept.iter().map(|(key, _)| *key).max();
            self.has_more = true;
        }
    }
}
