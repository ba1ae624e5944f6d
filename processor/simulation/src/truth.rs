//! The truth: the model's view of a partition's log, computed as the log grows.

use std::collections::BTreeMap;
use std::rc::Rc;

use onsale_log::chain::{Link, OutcomeChain};
use onsale_processor::member::Publication;
use onsale_schemas::{
    Entry, Envelope, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId, codec,
};

use crate::linear::Checker;
use crate::model::ModelLimits;

/// The required outcome of a record.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) record: Rc<OutcomeRecord>,
    bytes: Vec<u8>,
}

/// The judge of one partition.
#[derive(Debug)]
pub(crate) struct Truth {
    checker: Checker,
    expected: Vec<Option<Expected>>,
    /// By the offset applied next.
    digests: Vec<Option<u64>>,
    /// What a reader gets from the topic from the beginning on.
    chain: OutcomeChain,
    ends_of_holds: BTreeMap<Offset, LogTimeMs>,
    /// The machine version of the newest record; 0 where it is no command.
    newest_version: u16,
    newest_is_early: bool,
}

impl Truth {
    pub(crate) fn new(partition: PartitionId, limits: ModelLimits) -> Self {
        Self {
            checker: Checker::with_limits(partition, limits),
            expected: Vec::new(),
            digests: Vec::new(),
            chain: OutcomeChain::after(None),
            ends_of_holds: BTreeMap::new(),
            newest_version: 0,
            newest_is_early: false,
        }
    }

    pub(crate) fn checker(&self) -> &Checker {
        &self.checker
    }

    /// The machine version of the newest record; 0 where it is no command.
    pub(crate) fn newest_version(&self) -> u16 {
        self.newest_version
    }

    /// Whether the newest record has a command of rules that no barrier had raised before it.
    pub(crate) fn newest_is_early(&self) -> bool {
        self.newest_is_early
    }

    /// Judges a record that enters the log.
    pub(crate) fn append(&mut self, entry: Entry<'_>) -> Result<Option<Rc<OutcomeRecord>>, String> {
        self.newest_version = codec::decode::<Envelope>(entry.payload)
            .map_or(0, |envelope| envelope.machine_version());
        self.newest_is_early = self.newest_version > self.checker.model().machine_version();
        let outcome = self
            .checker
            .outcome_of(entry)
            .map_err(|difference| difference.to_string())?;
        let Some(record) = outcome else {
            self.expected.push(None);
            return Ok(None);
        };
        self.check_version(&record)?;
        self.check_times(&record)?;
        self.check_replay(&record)?;
        let bytes = codec::encode(&record).map_err(|error| error.to_string())?;
        let record = Rc::new(record);
        self.expected.push(Some(Expected {
            record: Rc::clone(&record),
            bytes,
        }));
        Ok(Some(record))
    }

    /// A command decides nothing before its rules are in force, and nobody is answered for it.
    fn check_version(&self, record: &OutcomeRecord) -> Result<(), String> {
        let is_decided = record.request_id.is_some() || record.outcome != Outcome::Nothing;
        if self.newest_is_early && is_decided {
            return Err(format!(
                "offset {}: a command of machine version {} is decided before its barrier",
                record.offset, self.newest_version
            ));
        }
        Ok(())
    }

    /// No hold ends before its time.
    fn check_times(&mut self, record: &OutcomeRecord) -> Result<(), String> {
        // An order of several zones stands there once for each.
        for parts in record.expired.chunk_by(|a, b| a.booking == b.booking) {
            let Some(ended) = parts.first() else { continue };
            let end = self.ends_of_holds.remove(&ended.booking);
            if end.is_none_or(|end| end > record.log_time_ms) {
                return Err(format!(
                    "offset {}: hold {} ended at {}, its time is {end:?}",
                    record.offset, ended.booking, record.log_time_ms
                ));
            }
        }
        if record.replay_of.is_some() {
            return Ok(());
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => {
                self.ends_of_holds
                    .insert(reserved.booking, reserved.expires_at_ms);
            }
            Outcome::ReservedV2(reserved) => {
                self.ends_of_holds
                    .insert(reserved.booking, reserved.expires_at_ms);
            }
            Outcome::Extended {
                booking,
                expires_at_ms,
                ..
            } => {
                self.ends_of_holds.insert(*booking, *expires_at_ms);
            }
            Outcome::ClockReset { from_ms, to_ms } if to_ms < from_ms => {
                // Long holds end earlier then, as their shows have it, but none before that moment.
                for end in self.ends_of_holds.values_mut() {
                    *end = (*end).min(*to_ms);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An answer from memory is the first one again.
    fn check_replay(&self, record: &OutcomeRecord) -> Result<(), String> {
        let Some(first) = record.replay_of else {
            return Ok(());
        };
        let same = self
            .expected(first.offset)
            .is_some_and(|expected| expected.record.outcome == record.outcome);
        if same {
            Ok(())
        } else {
            Err(format!(
                "offset {}: not the answer that was given at {}",
                record.offset, first.offset
            ))
        }
    }

    pub(crate) fn expected(&self, offset: Offset) -> Option<&Expected> {
        self.expected.get(usize::try_from(offset).ok()?)?.as_ref()
    }

    /// The highest outcome in the topic.
    pub(crate) fn published(&self) -> Option<Offset> {
        self.chain.last()
    }

    /// Judges an outcome that enters the topic. True when it was there before.
    pub(crate) fn publish(&mut self, outcome: &Publication) -> Result<bool, String> {
        let offset = outcome.offset;
        let Some(expected) = self.expected(offset) else {
            return Err(format!("an outcome for {offset}, which has none"));
        };
        if expected.bytes != outcome.payload {
            let found = codec::decode::<OutcomeRecord>(&outcome.payload);
            return Err(format!(
                "offset {offset} yields {found:?}, by the model {:?}",
                expected.record
            ));
        }
        let record = Rc::clone(&expected.record);
        if outcome.log_time_ms != record.log_time_ms {
            return Err(format!("offset {offset} is published with another time"));
        }
        self.digest(offset + 1, outcome.digest)?;
        match self.chain.link(offset, record.previous) {
            Link::New => Ok(false),
            Link::Seen => Ok(true),
            Link::Gap { expected, got } => Err(format!(
                "the topic continues with {offset} after {got:?}, it ends at {expected:?}"
            )),
        }
    }

    /// All replicas at an offset have the same digest.
    pub(crate) fn digest(&mut self, next_offset: Offset, digest: u64) -> Result<(), String> {
        let index = usize::try_from(next_offset).unwrap_or(usize::MAX);
        if self.digests.len() <= index {
            self.digests.resize(index + 1, None);
        }
        match self.digests[index].replace(digest) {
            Some(before) if before != digest => Err(format!(
                "at {next_offset} one has digest {before:016x}, another {digest:016x}"
            )),
            _ => Ok(()),
        }
    }
}
