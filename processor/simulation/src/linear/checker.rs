//! Feeds a log through the model and stops at the first thing that does not fit.

use std::fmt;

use onsale_schemas::{Entry, Offset, OutcomeRecord, PartitionId};

use super::claims::RefusedClaims;
use super::context::{CONTEXT_RECORDS, ContextRecord, Recent};
use super::ledger::Ledger;
use super::orders::Orders;
use super::summary::Summary;
use crate::model::{Model, ModelLimits};

/// What does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Finding {
    /// The log skips or repeats records.
    #[error("the log continues at offset {found}, expected {expected}")]
    NotContiguous {
        /// The offset that should have come.
        expected: Offset,
        /// The one that came.
        found: Offset,
    },
    /// The recorded outcome is not what the model says. `None` stands for "no outcome".
    #[error("recorded {recorded:?}, the model says {expected:?}")]
    Outcome {
        /// The outcome that was recorded.
        recorded: Option<Box<OutcomeRecord>>,
        /// The model's.
        expected: Option<Box<OutcomeRecord>>,
    },
    /// The model contradicts itself: a seat with two holders, counts that do not add up.
    #[error("broken invariant: {0}")]
    Invariant(String),
    /// The outcome contradicts the outcomes before it.
    #[error("the outcome {0}")]
    Ledger(String),
    /// The log switches on rules that this program does not know, so nothing after it can be
    /// judged.
    #[error("a barrier switches on machine version {0}, which this program does not know")]
    UnsupportedVersion(u16),
}

/// The first thing that does not fit, with the records around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The partition.
    pub partition: PartitionId,
    /// The record at which it shows.
    pub offset: Offset,
    /// What does not fit.
    pub finding: Box<Finding>,
    /// The records before it, the record itself, and those added by [`Difference::follow`].
    pub context: Vec<ContextRecord>,
    following: usize,
}

impl Difference {
    /// Adds a record after the difference to the context. Returns whether more are wanted.
    pub fn follow(&mut self, entry: Entry<'_>) -> bool {
        if self.following < CONTEXT_RECORDS {
            self.context.push(ContextRecord::new(entry, None));
            self.following += 1;
        }
        self.following < CONTEXT_RECORDS
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition, offset, ..
        } = self;
        write!(
            f,
            "partition {partition}, offset {offset}: {}",
            self.finding
        )?;
        for record in &self.context {
            let mark = if record.offset == *offset { '>' } else { ' ' };
            write!(f, "\n{mark} {record}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Difference {}

/// Checks one partition's log from offset 0.
#[derive(Debug)]
pub struct Checker {
    model: Model,
    ledger: Ledger,
    orders: Orders,
    recent: Recent,
    refused_claims: RefusedClaims,
    summary: Summary,
}

impl Checker {
    /// A checker for a partition whose engine has the default limits.
    pub fn new(partition: PartitionId) -> Self {
        Self::with_limits(partition, ModelLimits::default())
    }

    /// A checker for a partition whose engine has these limits; with others its refusals because
    /// of full tables would differ.
    pub fn with_limits(partition: PartitionId, limits: ModelLimits) -> Self {
        Self {
            model: Model::new(partition, limits),
            ledger: Ledger::default(),
            orders: Orders::default(),
            recent: Recent::default(),
            refused_claims: RefusedClaims::default(),
            summary: Summary::default(),
        }
    }

    /// Takes the next record where no outcome was recorded.
    ///
    /// # Errors
    /// The first [`Difference`]; the checker is of no use after it.
    pub fn entry(&mut self, entry: Entry<'_>) -> Result<(), Difference> {
        self.step(entry).map(|_| ())
    }

    /// Takes the next record and says what its outcome has to be, `None` for none.
    ///
    /// # Errors
    /// As [`Checker::entry`].
    pub fn outcome_of(&mut self, entry: Entry<'_>) -> Result<Option<OutcomeRecord>, Difference> {
        self.step(entry)
    }

    /// Takes the next record and what was recorded as its outcome, `None` for none.
    ///
    /// # Errors
    /// As [`Checker::entry`].
    pub fn entry_with_outcome(
        &mut self,
        entry: Entry<'_>,
        recorded: Option<&OutcomeRecord>,
    ) -> Result<(), Difference> {
        let expected = self.step(entry)?;
        self.summary.compared += u64::from(expected.is_some());
        if expected.as_ref() != recorded {
            let finding = Finding::Outcome {
                recorded: recorded.cloned().map(Box::new),
                expected: expected.map(Box::new),
            };
            return Err(self.difference(entry.offset, finding));
        }
        Ok(())
    }

    /// Checks the state as a whole. Costs a pass over all seats and bookings.
    ///
    /// # Errors
    /// The invariant that is broken.
    pub(crate) fn check_state(&self) -> Result<(), Difference> {
        self.model.check_invariants().map_err(|broken| {
            let last = self.model.next_offset().saturating_sub(1);
            self.difference(last, Finding::Invariant(broken))
        })
    }

    /// The state so far.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Ends the check by checking the state as a whole.
    ///
    /// # Errors
    /// The invariant that is broken.
    pub fn finish(self) -> Result<Summary, Difference> {
        self.check_state()?;
        Ok(self.summary.at_the_end(&self.model))
    }

    fn step(&mut self, entry: Entry<'_>) -> Result<Option<OutcomeRecord>, Difference> {
        let expected = self.model.next_offset();
        if entry.offset != expected {
            self.recent.push(entry, None);
            let found = entry.offset;
            return Err(self.difference(found, Finding::NotContiguous { expected, found }));
        }
        let outcome = self.model.apply(entry);
        let is_repeated = outcome
            .as_ref()
            .is_some_and(|record| self.refused_claims.is_repeated(entry.payload, record));
        self.summary.count(outcome.as_ref(), is_repeated);
        self.recent.push(entry, outcome.clone());
        if let Some(record) = &outcome
            && let Err(why) = self
                .ledger
                .take(record)
                .and_then(|()| self.orders.take(entry.payload, record))
        {
            return Err(self.difference(entry.offset, Finding::Ledger(why)));
        }
        if let Some(version) = self.model.unsupported_version() {
            return Err(self.difference(entry.offset, Finding::UnsupportedVersion(version)));
        }
        Ok(outcome)
    }

    fn difference(&self, offset: Offset, finding: Finding) -> Difference {
        Difference {
            partition: self.model.partition(),
            offset,
            finding: Box::new(finding),
            context: self.recent.in_words(),
            following: 0,
        }
    }
}
