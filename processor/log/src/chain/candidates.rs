//! Runs of records that follow each other, from several beginnings at once.
//!
//! Some of the records may be foreign, even a few in a row. With a single candidate, foreign
//! records would occupy it and hide the real run.

use onsale_schemas::Offset;

/// Number of runs that are followed at once.
const CANDIDATES_MAX: usize = 16;

/// Records that follow each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate<T> {
    /// The last of them.
    pub end: Offset,
    /// The predecessor that the last of them names.
    pub previous: Option<Offset>,
    /// How many there are.
    pub records: u32,
    /// A note of the reader about them.
    pub note: T,
}

impl<T> Candidate<T> {
    fn is_followed_by(&self, offset: Offset, previous: Option<Offset>) -> bool {
        previous == Some(self.end) && offset > self.end
    }
}

/// Candidates for the chain, or for records beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidates<T> {
    /// The oldest first.
    all: Vec<Candidate<T>>,
}

impl<T> Default for Candidates<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Candidates<T> {
    /// None yet.
    pub const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// Adds the outcome of the command at `offset`, which names `previous` as its predecessor. It
    /// continues the run that ends there, or starts a new run with a new note. `None` for a repeat
    /// of the last outcome of a run.
    pub fn take(
        &mut self,
        offset: Offset,
        previous: Option<Offset>,
        note: impl FnOnce() -> T,
    ) -> Option<&mut Candidate<T>> {
        let known = self
            .all
            .iter()
            .position(|known| known.is_followed_by(offset, previous));
        if let Some(known) = known {
            let known = self.all.get_mut(known)?;
            known.end = offset;
            known.previous = previous;
            known.records = known.records.saturating_add(1);
            return Some(known);
        }
        let is_repeat = |known: &Candidate<T>| known.end == offset && known.previous == previous;
        if self.all.iter().any(is_repeat) {
            return None;
        }
        if self.all.len() >= CANDIDATES_MAX {
            // A run that leads nowhere is dropped first, then the lowest.
            let all = self.all.iter().enumerate();
            let least = all.min_by_key(|(_, known)| (known.records, known.end));
            if let Some((index, _)) = least {
                self.all.remove(index);
            }
        }
        self.all.push(Candidate {
            end: offset,
            previous,
            records: 1,
            note: note(),
        });
        self.all.last_mut()
    }

    /// Whether such an outcome continues any of them.
    pub(crate) fn is_followed_by(&self, offset: Offset, previous: Option<Offset>) -> bool {
        let mut all = self.all.iter();
        all.any(|known| known.is_followed_by(offset, previous))
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Candidate<T>> {
        self.all.iter()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(found: &mut Candidates<()>, offset: Offset, previous: Option<Offset>) -> Option<u32> {
        found.take(offset, previous, || ()).map(|one| one.records)
    }

    #[test]
    fn what_goes_on_is_counted_beside_what_goes_on_elsewhere() {
        let mut found = Candidates::new();
        assert_eq!(take(&mut found, 100, Some(90)), Some(1));
        assert_eq!(take(&mut found, 101, Some(100)), Some(2));
        assert_eq!(take(&mut found, 8, Some(7)), Some(1));
        assert_eq!(take(&mut found, 9, Some(8)), Some(2));
        assert_eq!(take(&mut found, 9, Some(8)), None);
        assert!(found.is_followed_by(10, Some(9)));
        assert!(!found.is_followed_by(9, Some(9)));
        assert_eq!(take(&mut found, 102, Some(101)), Some(3));
        assert_eq!(take(&mut found, 10, Some(9)), Some(3));
        found.clear();
        assert_eq!(found.iter().count(), 0);
    }

    #[test]
    fn the_longest_stay_when_there_are_too_many() {
        let mut found = Candidates::new();
        take(&mut found, 1, None);
        take(&mut found, 2, Some(1));
        for n in 0..100u64 {
            take(&mut found, 1_000 + 10 * n, Some(10 * n + 3));
        }
        assert_eq!(found.iter().count(), CANDIDATES_MAX);
        assert_eq!(take(&mut found, 3, Some(2)), Some(3));
    }
}
