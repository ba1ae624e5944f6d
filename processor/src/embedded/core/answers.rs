//! The way of outcomes to the callers that wait for them, and to the feed.

use onsale_engine::OutcomeSink;
use onsale_log::Reply;
use onsale_schemas::OutcomeRecord;
use tokio::sync::oneshot;

use crate::metrics::Metrics;

/// Takes outcomes from the machine to the callers that wait.
#[derive(Debug)]
pub(super) struct Answers {
    metrics: Metrics,
    /// Who waits for the entry at hand.
    pub(super) waiting: Option<oneshot::Sender<Reply>>,
    /// The partition of the entry at hand.
    pub(super) index: usize,
    /// Whether anybody follows the feed.
    pub(super) feeding: bool,
    pub(super) feed: Vec<Vec<OutcomeRecord>>,
    pub(super) touched: Vec<bool>,
}

impl Answers {
    pub(super) fn new(partitions: usize, metrics: Metrics) -> Self {
        Self {
            metrics,
            waiting: None,
            index: 0,
            feeding: false,
            feed: vec![Vec::new(); partitions],
            touched: vec![false; partitions],
        }
    }
}

impl OutcomeSink for Answers {
    fn emit(&mut self, record: OutcomeRecord) {
        self.metrics.count_outcome(&record);
        match self.waiting.take() {
            Some(reply) => {
                if self.feeding {
                    self.feed[self.index].push(record.clone());
                }
                // A client that went away does not wait; its outcome stands all the same.
                drop(reply.send(Ok(record)));
            }
            None if self.feeding => self.feed[self.index].push(record),
            None => {}
        }
    }
}
