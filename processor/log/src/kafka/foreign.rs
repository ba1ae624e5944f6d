//! Foreign records in the topics: skipped, counted and reported.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_schemas::PartitionId;
use parking_lot::Mutex;

/// Records remembered by place: several readers of a process find the same one.
const REMEMBERED_MAX: usize = 256;
/// Log lines written per [`LINES_EVERY`] during a flood; all records are counted.
const LINES_MAX: u32 = 20;
const LINES_EVERY: Duration = Duration::from_secs(10);

/// A record that no node of this cluster has written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignRecord {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset in the topic.
    pub offset: u64,
    /// What is wrong with it.
    pub why: String,
}

impl std::fmt::Display for ForeignRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "record {} of partition {} of {} is foreign: {}",
            self.offset, self.partition, self.topic, self.why
        )
    }
}

/// What the readers of a process have found. All clones share their state.
#[derive(Clone, Debug, Default)]
pub struct ForeignRecords(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    counts: BTreeMap<String, u64>,
    /// The newest ones, the oldest first.
    newest: VecDeque<ForeignRecord>,
    lines: u32,
    lines_since: Option<Instant>,
}

/// Where records are reported makes no difference between two settings.
impl PartialEq for ForeignRecords {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ForeignRecords {}

impl ForeignRecords {
    /// Counts and reports a record that is skipped, once for all readers of the process.
    pub fn note(&self, record: ForeignRecord) {
        let mut found = self.0.lock();
        let is_known = found.newest.iter().any(|known| {
            known.offset == record.offset
                && known.partition == record.partition
                && known.topic == record.topic
        });
        if is_known {
            return;
        }
        *found.counts.entry(record.topic.clone()).or_default() += 1;
        if found.newest.len() == REMEMBERED_MAX {
            found.newest.pop_front();
        }
        found.newest.push_back(record.clone());
        let is_over = found
            .lines_since
            .is_none_or(|since| since.elapsed() >= LINES_EVERY);
        if is_over {
            (found.lines_since, found.lines) = (Some(Instant::now()), 0);
        }
        found.lines = found.lines.saturating_add(1);
        let lines = found.lines;
        drop(found);
        if lines <= LINES_MAX {
            let ForeignRecord {
                topic,
                partition,
                offset,
                why,
            } = record;
            tracing::error!(
                topic, %partition, offset, why,
                "a foreign record is skipped: only nodes of this cluster may write there, \
                 see the ACLs of the topic"
            );
        } else if lines == LINES_MAX + 1 {
            tracing::error!("more foreign records; for a while they are only counted");
        }
    }

    /// Names a topic that is read, so that it is reported with 0 as long as nothing was skipped: an
    /// alert on a series that does not exist yet would miss the first record.
    pub fn watch(&self, topic: String) {
        self.0.lock().counts.entry(topic).or_default();
    }

    /// How many were skipped, by topic.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().counts.clone()
    }

    /// The newest of them, the oldest first, at most `max`.
    pub fn newest(&self, max: usize) -> Vec<ForeignRecord> {
        let found = self.0.lock();
        let skipped = found.newest.len().saturating_sub(max);
        found.newest.iter().skip(skipped).cloned().collect()
    }
}

/// What is wrong with a record that has no bytes, or bytes of no known kind.
pub(super) fn why(payload: &[u8], error: impl std::fmt::Display) -> String {
    if payload.is_empty() {
        return "it has no value (a tombstone)".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64) -> ForeignRecord {
        ForeignRecord {
            topic: "onsale.outcomes".to_owned(),
            partition: PartitionId(1),
            offset,
            why: "nonsense".to_owned(),
        }
    }

    #[test]
    fn each_is_counted_once_for_all_readers() {
        let found = ForeignRecords::default();
        let other = found.clone();
        for offset in 0..REMEMBERED_MAX as u64 + 5 {
            found.note(record(offset));
            other.note(record(offset));
        }
        let expected = REMEMBERED_MAX as u64 + 5;
        assert_eq!(found.counts()["onsale.outcomes"], expected);
        let newest: Vec<u64> = other.newest(2).iter().map(|record| record.offset).collect();
        assert_eq!(newest, [expected - 2, expected - 1]);
    }
}
