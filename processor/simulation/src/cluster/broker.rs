//! The log and the topic of one partition as the broker keeps them.

use std::rc::Rc;

use onsale_processor::member::Publication;
use onsale_schemas::{Entry, LogTimeMs, Offset, OutcomeRecord, PartitionId};

use super::upgrade;
use crate::truth::Truth;
use crate::workload::{Profile, Workload};

/// A record of the log.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) log_time_ms: LogTimeMs,
    pub(super) payload: Rc<[u8]>,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) id: PartitionId,
    pub(super) log: Vec<Record>,
    pub(super) topic: Vec<Publication>,
    /// Highest timestamp in the topic up to each message.
    highest_time: Vec<LogTimeMs>,
    pub(super) truth: Truth,
    pub(super) workload: Workload,
    /// The clock of the broker that leads the partition.
    pub(super) clock_ms: LogTimeMs,
    /// Records sent to the log, and the newest of those that have arrived.
    sent: u64,
    newest_arrived: u64,
    /// How many had been sent when new rules came into force last.
    sent_at_barrier: u64,
}

impl Partition {
    pub(super) fn new(
        id: PartitionId,
        seed: u64,
        profile: Profile,
        clock_ms: LogTimeMs,
        version: u16,
    ) -> Self {
        Self {
            id,
            log: Vec::new(),
            topic: Vec::new(),
            highest_time: Vec::new(),
            truth: Truth::new(id, upgrade::truth(version)),
            workload: Workload::new(profile, seed),
            clock_ms,
            sent: 0,
            newest_arrived: 0,
            sent_at_barrier: 0,
        }
    }

    /// The number of a record that is sent now.
    pub(super) fn next_sent(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// Whether a record that arrives now was sent before one that is already here.
    pub(super) fn is_overtaken(&mut self, number: u64) -> bool {
        let is_overtaken = number < self.newest_arrived;
        self.newest_arrived = self.newest_arrived.max(number);
        is_overtaken
    }

    /// The version of the rules in force at the end of the log.
    pub(super) fn version_in_force(&self) -> u16 {
        self.truth.checker().model().machine_version()
    }

    /// Whether a record of the rules in force was sent when these were not.
    pub(super) fn met_barrier(&self, number: u64) -> bool {
        number <= self.sent_at_barrier && self.truth.newest_version() == self.version_in_force()
    }

    pub(super) fn end(&self) -> Offset {
        u64::try_from(self.log.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn entry(&self, offset: Offset) -> Option<Entry<'_>> {
        let record = self.log.get(usize::try_from(offset).ok()?)?;
        Some(Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        })
    }

    /// Stamps and keeps a record, and has it judged.
    pub(super) fn append(
        &mut self,
        payload: Rc<[u8]>,
    ) -> Result<(Offset, Option<Rc<OutcomeRecord>>), String> {
        let offset = self.end();
        let log_time_ms = self.clock_ms;
        let in_force = self.version_in_force();
        let outcome = self.truth.append(Entry {
            offset,
            log_time_ms,
            payload: &payload,
        })?;
        self.log.push(Record {
            log_time_ms,
            payload,
        });
        if self.version_in_force() > in_force {
            self.sent_at_barrier = self.sent;
        }
        if let Some(record) = &outcome {
            self.workload.observe(record);
        }
        Ok((offset, outcome))
    }

    /// Stamps and keeps a record that the model knows no rules for.
    pub(super) fn append_unjudged(&mut self, payload: Rc<[u8]>) {
        self.log.push(Record {
            log_time_ms: self.clock_ms,
            payload,
        });
    }

    /// Keeps an outcome, and has it judged. True when the topic had it before.
    pub(super) fn publish(&mut self, outcome: Publication) -> Result<bool, String> {
        let repeated = self.truth.publish(&outcome)?;
        let before = self.highest_time.last().copied().unwrap_or(0);
        self.highest_time.push(before.max(outcome.log_time_ms));
        self.topic.push(outcome);
        Ok(repeated)
    }

    /// The first message of the topic with this time or a later one.
    pub(super) fn topic_at_time(&self, time_ms: LogTimeMs) -> usize {
        self.highest_time.partition_point(|&time| time < time_ms)
    }

    /// Where a reader that looks for the end of the chain begins. The newest message alone is not
    /// enough: it may be a late repeat from below the end.
    pub(super) fn topic_tail(&self) -> usize {
        self.topic
            .last()
            .map_or(0, |newest| self.topic_at_time(newest.log_time_ms))
    }

    /// The highest outcome that such a reader finds.
    pub(super) fn tail_end(&self) -> Option<Offset> {
        self.topic[self.topic_tail()..]
            .iter()
            .map(|outcome| outcome.offset)
            .max()
    }
}
