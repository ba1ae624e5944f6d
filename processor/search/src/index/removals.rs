//! Versions of what was removed, so that an older write that arrives late changes nothing.

use std::collections::{HashMap, VecDeque};

use onsale_schemas::EventId;

use crate::limits::REMOVALS_MAX;

#[derive(Default)]
pub(super) struct Removals {
    versions: HashMap<EventId, u64>,
    /// The oldest first; those that came back or were removed again are skipped.
    order: VecDeque<(EventId, u64)>,
}

impl Removals {
    pub(super) fn note(&mut self, id: EventId, version: u64) {
        self.versions.insert(id, version);
        self.order.push_back((id, version));
        while self.order.len() > REMOVALS_MAX {
            if let Some((id, version)) = self.order.pop_front()
                && self.versions.get(&id) == Some(&version)
            {
                self.versions.remove(&id);
            }
        }
    }

    pub(super) fn forget(&mut self, id: EventId) {
        self.versions.remove(&id);
    }

    pub(super) fn version(&self, id: EventId) -> Option<u64> {
        self.versions.get(&id).copied()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.versions.capacity() * (size_of::<(EventId, u64)>() + 1) * 8 / 7
            + self.order.capacity() * size_of::<(EventId, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut removals = Removals::default();
        let id = |n: usize| EventId(uuid::Uuid::from_u128(n as u128));
        removals.note(id(0), 5);
        removals.note(id(1), 1);
        removals.note(id(0), 9);
        for n in 2..REMOVALS_MAX {
            removals.note(id(n), 1);
        }
        assert_eq!(removals.version(id(0)), Some(9), "removed again later");
        assert_eq!(removals.version(id(1)), Some(1));
        removals.note(id(REMOVALS_MAX), 1);
        assert_eq!(removals.version(id(1)), None);
        assert_eq!(removals.version(id(0)), Some(9));
        removals.note(id(REMOVALS_MAX + 1), 1);
        assert_eq!(removals.version(id(0)), None);
        assert_eq!(removals.order.len(), REMOVALS_MAX);
    }
}
