//! Counts something by user or address.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::rate_limit::Key;

/// Counts by user or address.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<HashMap<Key, usize>>);

/// One that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    tally: Arc<Tally>,
    key: Key,
}

impl Tally {
    /// Counts one more; `None` when there are `max` already.
    pub(crate) fn enter(self: &Arc<Self>, key: Key, max: usize) -> Option<Counted> {
        let mut counts = self.0.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        counts.insert(key, count + 1);
        Some(Counted {
            tally: self.clone(),
            key,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.tally.0.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_those_who_left() {
        let tally = Arc::new(Tally::default());
        let key = Key::of_address("10.0.0.1".parse().unwrap());
        let first = tally.enter(key, 1);
        assert!(first.is_some());
        assert!(tally.enter(key, 1).is_none());
        drop(first);
        assert!(tally.0.lock().is_empty());
        assert!(tally.enter(key, 1).is_some());
    }
}
