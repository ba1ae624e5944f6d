//! How ingresses and projectors read the topic.

use std::rc::Rc;

use onsale_log::chain::{Link, OutcomeChain};
use onsale_schemas::OutcomeRecord;

use super::broker::Partition;
use crate::projection::Watermark;

/// Most messages taken per poll.
const BATCH_MAX: usize = 64;

/// A reader of one partition's topic.
#[derive(Clone, Debug)]
pub(super) struct TopicReader {
    chain: OutcomeChain,
    pub(super) cursor: usize,
}

impl TopicReader {
    /// One that continues from a watermark.
    pub(super) fn after(watermark: Watermark, partition: &Partition) -> Self {
        Self {
            chain: OutcomeChain::after(watermark.last_outcome),
            cursor: partition.topic_at_time(watermark.log_time_ms),
        }
    }

    /// One that begins at the end.
    pub(super) fn at_tail(partition: &Partition) -> Self {
        Self {
            chain: OutcomeChain::anywhere(),
            cursor: partition.topic_tail(),
        }
    }

    /// The next outcomes that were not taken before.
    pub(super) fn read(
        &mut self,
        partition: &Partition,
        messages_max: usize,
    ) -> Result<Vec<Rc<OutcomeRecord>>, String> {
        let messages = &partition.topic[self.cursor..];
        let messages = &messages[..messages.len().min(messages_max.min(BATCH_MAX))];
        let mut taken = Vec::new();
        for outcome in messages {
            self.cursor += 1;
            let Some(expected) = partition.truth.expected(outcome.offset) else {
                return Err(format!("unknown outcome {} in the topic", outcome.offset));
            };
            match self.chain.link(outcome.offset, expected.record.previous) {
                Link::New => taken.push(Rc::clone(&expected.record)),
                Link::Seen => {}
                gap @ Link::Gap { .. } => {
                    return Err(format!("a reader meets {} with {gap:?}", outcome.offset));
                }
            }
        }
        Ok(taken)
    }
}
