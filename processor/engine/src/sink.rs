//! Where outcomes go.

use onsale_schemas::OutcomeRecord;

/// Takes the outcome records of a partition in log order.
pub trait OutcomeSink {
    /// Takes the next one.
    fn emit(&mut self, record: OutcomeRecord);
}

impl OutcomeSink for Vec<OutcomeRecord> {
    fn emit(&mut self, record: OutcomeRecord) {
        self.push(record);
    }
}

/// Drops every outcome: for standbys, which apply but do not publish.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl OutcomeSink for NullSink {
    fn emit(&mut self, _record: OutcomeRecord) {}
}
