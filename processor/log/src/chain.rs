//! The chain of outcomes: every outcome names the one before it, so a reader drops what it has seen
//! and no gap passes unseen.
//!
//! Two owners of a partition at once publish the same outcomes twice, each a stream without gaps
//! that begins at most one past what is in the topic. A reader that drops everything at or below
//! the last outcome it took therefore never meets a gap; if it does, outcomes are missing and it
//! has to stop.

mod candidates;
mod end;
mod reader;

use onsale_schemas::Offset;

pub use candidates::{Candidate, Candidates};
pub use end::{ChainEnd, EndFinder};
pub use reader::{OutcomeReader, Step};

/// How an outcome relates to what its reader has taken so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// The next one. It is now the last one taken.
    New,
    /// Taken before; drop it.
    Seen,
    /// Not the next one: outcomes are missing, or the reader began at the wrong place. The chain is
    /// as before.
    Gap {
        /// The last outcome taken, which the next one must name; `None` before the first one.
        expected: Option<Offset>,
        /// The one that this outcome names as the one before it.
        got: Option<Offset>,
    },
}

/// Where one reader is in the chain of one partition. Holds no outcomes and does no I/O.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutcomeChain {
    position: Position,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    Anywhere,
    After(Option<Offset>),
}

impl OutcomeChain {
    /// A reader that has taken everything up to and with `last`; `None` when it has taken nothing
    /// and the next outcome must be the first one of the partition.
    pub const fn after(last: Option<Offset>) -> Self {
        Self {
            position: Position::After(last),
        }
    }

    /// A reader that takes the first outcome it sees, whatever it is.
    pub const fn anywhere() -> Self {
        Self {
            position: Position::Anywhere,
        }
    }

    /// The last outcome taken.
    pub const fn last(&self) -> Option<Offset> {
        match self.position {
            Position::Anywhere => None,
            Position::After(last) => last,
        }
    }

    /// Looks at the outcome of the command at `offset`, which names `previous` as the one before
    /// it, and takes it when it is the next one.
    pub fn link(&mut self, offset: Offset, previous: Option<Offset>) -> Link {
        if let Position::After(last) = self.position {
            if last.is_some_and(|last| offset <= last) {
                return Link::Seen;
            }
            if previous != last {
                return Link::Gap {
                    expected: last,
                    got: previous,
                };
            }
        }
        self.position = Position::After(Some(offset));
        Link::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_from_the_start_takes_each_once() {
        let mut chain = OutcomeChain::after(None);
        assert_eq!(chain.last(), None);
        assert_eq!(chain.link(3, None), Link::New);
        assert_eq!(chain.link(4, Some(3)), Link::New);
        assert_eq!(chain.link(9, Some(4)), Link::New);
        assert_eq!(chain.last(), Some(9));
        for (offset, previous) in [(3, None), (4, Some(3)), (9, Some(4))] {
            assert_eq!(chain.link(offset, previous), Link::Seen);
        }
        assert_eq!(chain.link(10, Some(9)), Link::New);
    }

    #[test]
    fn a_gap_is_reported_and_changes_nothing() {
        let mut chain = OutcomeChain::after(Some(5));
        let gap = Link::Gap {
            expected: Some(5),
            got: Some(6),
        };
        assert_eq!(chain.link(8, Some(6)), gap);
        assert_eq!(chain.link(8, Some(6)), gap);
        assert_eq!(chain.last(), Some(5));
        assert_eq!(chain.link(6, Some(5)), Link::New);
        assert_eq!(chain.link(8, Some(6)), Link::New);
    }

    #[test]
    fn an_outcome_above_that_names_none_before_it_is_a_gap() {
        let mut chain = OutcomeChain::after(Some(5));
        let gap = Link::Gap {
            expected: Some(5),
            got: None,
        };
        assert_eq!(chain.link(6, None), gap);
    }

    #[test]
    fn a_reader_that_took_nothing_must_begin_with_the_first() {
        let mut chain = OutcomeChain::after(None);
        let gap = Link::Gap {
            expected: None,
            got: Some(0),
        };
        assert_eq!(chain.link(2, Some(0)), gap);
        assert_eq!(chain.link(0, None), Link::New);
        assert_eq!(chain.link(2, Some(0)), Link::New);
    }

    #[test]
    fn a_reader_from_anywhere_takes_the_first_it_sees_and_is_strict_from_there() {
        let mut chain = OutcomeChain::anywhere();
        assert_eq!(chain.last(), None);
        assert_eq!(chain.link(70, Some(66)), Link::New);
        assert_eq!(chain.link(66, Some(65)), Link::Seen);
        assert_eq!(chain.link(70, Some(66)), Link::Seen);
        assert!(matches!(chain.link(72, Some(71)), Link::Gap { .. }));
        assert_eq!(chain.link(71, Some(70)), Link::New);
    }

    /// Two owners interleave the same outcomes, each from a place at most one past what the topic
    /// held when it began.
    #[test]
    fn two_owners_at_once_are_one_chain_to_a_reader() {
        let outcomes: Vec<(Offset, Option<Offset>)> = (0..50u64)
            .map(|i| (i * 3 + 1, (i > 0).then(|| (i - 1) * 3 + 1)))
            .collect();
        for begin in 0..20 {
            let mut chain = OutcomeChain::after(None);
            let mut taken = Vec::new();
            let mut old = outcomes.iter().take(40);
            // The second owner has read `begin` outcomes when it starts.
            let mut new = outcomes.iter().skip(begin);
            let mut stream: Vec<_> = old.by_ref().take(begin).collect();
            loop {
                let (a, b) = (old.next(), new.next());
                if a.is_none() && b.is_none() {
                    break;
                }
                stream.extend(b);
                stream.extend(a);
            }
            for &(offset, previous) in stream {
                match chain.link(offset, previous) {
                    Link::New => taken.push((offset, previous)),
                    Link::Seen => {}
                    gap @ Link::Gap { .. } => unreachable!("{gap:?}"),
                }
            }
            assert_eq!(taken, outcomes);
        }
    }
}
