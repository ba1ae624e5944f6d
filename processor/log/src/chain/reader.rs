//! A reader of the chain that is not stopped by a record beside it.
//!
//! Anyone with write access to the topic can put records there that look like outcomes. A reader
//! cannot compute outcomes itself, but it knows which one comes next: the first record that names
//! the last one taken. Every other record is set aside. If the topic continues from what was set
//! aside, and not from the last one taken, then outcomes are missing, and the reader has to stop.

use onsale_schemas::Offset;

use super::{Candidates, Link, OutcomeChain};

/// This many consecutive records beside the chain are a gap, not foreign records.
const GAP_RECORDS: u32 = 4;

/// What an outcome is to its reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The next one. It is now the last one taken.
    New,
    /// Taken before; drop it.
    Seen,
    /// Not part of the chain, as far as one record can show: drop it and report it.
    Aside {
        /// The last outcome taken, which the next one must name; `None` before the first one.
        expected: Option<Offset>,
        /// The predecessor that this outcome names.
        got: Option<Offset>,
    },
    /// The topic continues beside what was taken: outcomes are missing.
    Gap {
        /// The last outcome taken.
        expected: Option<Offset>,
        /// The predecessor that the first outcome set aside names.
        got: Option<Offset>,
    },
}

/// The place of one reader in the chain of one partition, and what it has set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutcomeReader {
    chain: OutcomeChain,
    /// The predecessor of the last outcome taken, if one was taken here.
    before_last: Option<Option<Offset>>,
    /// Consecutive records beside the chain, with the predecessor that the first of them names.
    aside: Candidates<Option<Offset>>,
}

impl OutcomeReader {
    /// A reader that continues where `chain` is.
    pub const fn new(chain: OutcomeChain) -> Self {
        Self {
            chain,
            before_last: None,
            aside: Candidates::new(),
        }
    }

    /// The last outcome taken.
    pub const fn last(&self) -> Option<Offset> {
        self.chain.last()
    }

    /// Examines the outcome of the command at `offset`, which names `previous` as its predecessor,
    /// and takes it when it is the next one.
    pub fn step(&mut self, offset: Offset, previous: Option<Offset>) -> Step {
        match self.chain.link(offset, previous) {
            Link::New => {
                self.before_last = Some(previous);
                self.aside.clear();
                Step::New
            }
            Link::Seen if self.contradicts(offset, previous) => self.set_aside(offset, previous),
            Link::Seen => Step::Seen,
            Link::Gap { .. } => self.set_aside(offset, previous),
        }
    }

    /// Whether an outcome below the last one taken differs from the one taken there: of two that
    /// name the same predecessor, one is false.
    fn contradicts(&self, offset: Offset, previous: Option<Offset>) -> bool {
        let is_rival = self.before_last == Some(previous) && self.chain.last() != Some(offset);
        is_rival || self.aside.is_followed_by(offset, previous)
    }

    fn set_aside(&mut self, offset: Offset, previous: Option<Offset>) -> Step {
        let expected = self.chain.last();
        if let Some(beside) = self.aside.take(offset, previous, || previous)
            && beside.records >= GAP_RECORDS
        {
            let got = beside.note;
            return Step::Gap { expected, got };
        }
        Step::Aside {
            expected,
            got: previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(last: Option<Offset>) -> OutcomeReader {
        OutcomeReader::new(OutcomeChain::after(last))
    }

    #[test]
    fn records_that_name_another_one_are_set_aside_and_the_chain_goes_on() {
        let mut reader = reader(Some(5));
        for (offset, previous) in [(9, Some(7)), (6, None), (u64::MAX, Some(3)), (7, Some(6))] {
            assert_eq!(
                reader.step(offset, previous),
                Step::Aside {
                    expected: Some(5),
                    got: previous
                }
            );
        }
        assert_eq!(reader.step(6, Some(5)), Step::New);
        assert_eq!(reader.step(9, Some(6)), Step::New);
        assert_eq!(reader.step(6, Some(5)), Step::Seen);
        assert_eq!(reader.last(), Some(9));
    }

    #[test]
    fn a_topic_that_goes_on_elsewhere_is_a_gap() {
        let mut reader = reader(Some(5));
        let mut previous = 7;
        for offset in [8, 11, 12] {
            assert!(matches!(
                reader.step(offset, Some(previous)),
                Step::Aside { .. }
            ));
            previous = offset;
        }
        let gap = Step::Gap {
            expected: Some(5),
            got: Some(7),
        };
        assert_eq!(reader.step(15, Some(12)), gap);
        assert_eq!(reader.last(), Some(5));
    }

    #[test]
    fn a_foreign_record_in_the_middle_of_a_gap_does_not_hide_it() {
        let mut reader = reader(Some(5));
        assert!(matches!(reader.step(8, Some(7)), Step::Aside { .. }));
        assert!(matches!(reader.step(9, Some(8)), Step::Aside { .. }));
        assert!(matches!(reader.step(77, Some(70)), Step::Aside { .. }));
        assert!(matches!(reader.step(10, Some(9)), Step::Aside { .. }));
        assert!(matches!(reader.step(11, Some(10)), Step::Gap { .. }));
    }

    #[test]
    fn foreign_records_that_follow_one_another_do_not_hide_a_later_gap() {
        let mut reader = reader(Some(5));
        for (offset, previous) in [(100, 90), (101, 100), (8, 7), (201, 190), (9, 8), (10, 9)] {
            assert!(matches!(
                reader.step(offset, Some(previous)),
                Step::Aside { .. }
            ));
        }
        let gap = Step::Gap {
            expected: Some(5),
            got: Some(7),
        };
        assert_eq!(reader.step(11, Some(10)), gap);
    }

    #[test]
    fn a_lie_that_was_believed_shows_once_the_topic_goes_on_past_it() {
        let mut reader = reader(Some(5));
        // It names the right predecessor, so it cannot be distinguished from the next outcome.
        assert_eq!(reader.step(100, Some(5)), Step::New);
        assert_eq!(reader.step(5, Some(4)), Step::Seen);
        assert!(matches!(reader.step(6, Some(5)), Step::Aside { .. }));
        assert!(matches!(reader.step(7, Some(6)), Step::Aside { .. }));
        assert!(matches!(reader.step(8, Some(7)), Step::Aside { .. }));
        assert!(matches!(reader.step(9, Some(8)), Step::Gap { .. }));
        assert_eq!(reader.step(101, Some(100)), Step::New);
    }
}
