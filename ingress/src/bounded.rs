//! A table of bounded size.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Holds at most this many entries; the oldest one makes room for another.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    entries: HashMap<K, V>,
    /// The keys in the order in which they were inserted.
    order: VecDeque<K>,
    max: usize,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            max,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The value of the key, which is created first if there is none.
    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) {
            if self.entries.len() >= self.max
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.entries.entry(key).or_insert_with(make)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_makes_room() {
        let mut table = Bounded::new(2);
        for key in [1, 2, 1, 3] {
            *table.get_or_insert_with(key, || 0) += 1;
        }
        assert_eq!(table.get(&1), None, "the first, however often it came");
        assert_eq!((table.get(&2), table.get(&3)), (Some(&1), Some(&1)));
        assert_eq!(table.entries.len(), table.order.len());
        table.values_mut().for_each(|value| *value = 7);
        assert_eq!(table.get_mut(&3), Some(&mut 7));
    }
}
