//! The outcomes of a member on their way to the topic, and the comparison with what the topic says.

use std::collections::VecDeque;

use onsale_log::Candidates;
use onsale_schemas::{Offset, codec};

use super::actions::{Publication, SeenOutcome};
use crate::replica::StopReason;

/// This many outcomes that contradict this member and follow one another are no foreign records: some
/// publisher holds another state.
const DISPUTED_RECORDS: u32 = 4;

/// An outcome that was read before the record was applied here.
#[derive(Clone, Copy, Debug)]
struct Early {
    offset: Offset,
    previous: Option<Offset>,
    digest: u64,
    payload_hash: u64,
}

impl Early {
    fn of(seen: SeenOutcome<'_>, previous: Option<Offset>) -> Self {
        Self {
            offset: seen.offset,
            previous,
            digest: seen.digest,
            payload_hash: hash(seen.payload),
        }
    }
}

/// The beginning of outcomes that contradict this member and follow one another in the topic.
#[derive(Clone, Debug)]
struct Dispute {
    reason: StopReason,
    first: Offset,
}

/// What came of an outcome: `Some` where it was passed over, and why.
pub(super) type Passed = Result<Option<StopReason>, StopReason>;

/// Own outcomes that were not read back, and read ones that were not made here yet.
#[derive(Debug)]
pub(super) struct Outbox {
    unpublished_max: usize,
    /// Outcomes up to here were in the topic before this member read it; they are not compared.
    floor: Option<Offset>,
    published: Option<Offset>,
    /// Highest outcome given to the present publisher.
    sent: Option<Offset>,
    own: VecDeque<Publication>,
    early: VecDeque<Early>,
    /// Another outcome that names the same one before it as the last early one: one of the two is
    /// foreign, and the next outcome says which.
    rival: Option<Early>,
    /// Early outcomes in a row that were other ones than those made here.
    early_disputed: u32,
    disputes: Candidates<Dispute>,
    /// Outcomes from the last one in `early` up to here were read and not kept, for want of room.
    not_kept: Option<Offset>,
    full_since_ms: Option<u64>,
}

impl Outbox {
    pub(super) fn new(published: Option<Offset>, unpublished_max: usize) -> Self {
        Self {
            unpublished_max: unpublished_max.max(1),
            floor: published,
            published,
            sent: None,
            own: VecDeque::new(),
            early: VecDeque::new(),
            rival: None,
            early_disputed: 0,
            disputes: Candidates::new(),
            not_kept: None,
            full_since_ms: None,
        }
    }

    pub(super) fn published(&self) -> Option<Offset> {
        self.published
    }

    pub(super) fn unpublished(&self) -> usize {
        self.own.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.own.len() >= self.unpublished_max
    }

    /// Since when nothing of a full buffer has appeared in the topic.
    pub(super) fn full_since_ms(&self) -> Option<u64> {
        self.full_since_ms
    }

    /// Takes an outcome that was just made here.
    pub(super) fn add(&mut self, own: Publication, now_ms: u64) -> Passed {
        if Some(own.offset) > self.published {
            self.own.push_back(own);
            if self.is_full() {
                self.full_since_ms.get_or_insert(now_ms);
            }
            return Ok(None);
        }
        if Some(own.offset) <= self.floor {
            return Ok(None);
        }
        let mut passed = self.drop_early_before(own.offset)?;
        match self.early.front() {
            Some(early) if early.offset == own.offset => {
                let early = *early;
                self.early.pop_front();
                match compare(&own, early.digest, early.payload_hash) {
                    Ok(()) => self.early_disputed = 0,
                    Err(reason) => passed = self.pass_early(reason)?,
                }
            }
            Some(_) => passed = self.pass_skipping(own)?,
            None if Some(own.offset) <= self.not_kept => {}
            None => {
                let offset = own.offset;
                passed = self.pass_early(StopReason::OutcomeMissing { offset })?;
            }
        }
        Ok(passed)
    }

    /// The early outcomes continue past one that was just computed here: the first of them is
    /// foreign, unless there are more of them than anybody has put there.
    fn pass_skipping(&mut self, own: Publication) -> Passed {
        let offset = own.offset;
        let records = u32::try_from(self.early.len()).unwrap_or(u32::MAX);
        let (true, Some(foreign)) = (records < DISPUTED_RECORDS, self.early.pop_front()) else {
            return Err(StopReason::OutcomeMissing { offset });
        };
        self.early.clear();
        self.not_kept = None;
        let reason = StopReason::OutcomeUnknown {
            offset: foreign.offset,
        };
        match self.rival.take() {
            Some(rival)
                if rival.offset == offset
                    && compare(&own, rival.digest, rival.payload_hash).is_ok() =>
            {
                self.published = Some(offset);
            }
            _ => {
                self.published = foreign.previous;
                // Should it be in the topic already, then what comes after it says so.
                self.disputes
                    .take(foreign.offset, foreign.previous, || Dispute {
                        reason: reason.clone(),
                        first: offset,
                    });
                self.own.push_back(own);
            }
        }
        Ok(Some(reason))
    }

    /// Notes that the record at `offset` yielded no outcome here.
    pub(super) fn add_none(&mut self, offset: Offset) -> Passed {
        self.drop_early_before(offset + 1)
    }

    /// Early outcomes of records that yielded none here.
    fn drop_early_before(&mut self, offset: Offset) -> Passed {
        let mut passed = None;
        while let Some(early) = self.early.front()
            && early.offset < offset
        {
            let offset = early.offset;
            self.early.pop_front();
            passed = self.pass_early(StopReason::OutcomeUnknown { offset })?;
        }
        Ok(passed)
    }

    /// Skips an early outcome that differs from the one computed here. Early ones follow one
    /// another, so a few of them say that others hold another state.
    fn pass_early(&mut self, reason: StopReason) -> Passed {
        self.early_disputed += 1;
        if self.early_disputed >= DISPUTED_RECORDS {
            return Err(reason);
        }
        Ok(Some(reason))
    }

    /// Takes an outcome that was read from the topic, where `next_offset` is applied next here.
    pub(super) fn see(
        &mut self,
        seen: SeenOutcome<'_>,
        next_offset: Offset,
        now_ms: u64,
    ) -> Passed {
        let previous = codec::decode_outcome_head(seen.payload).map(|head| head.previous);
        if let Ok(previous) = previous
            && let Some(foreign) = self.follow_rival(seen, previous, next_offset)
        {
            return Ok(Some(foreign));
        }
        if Some(seen.offset) <= self.published {
            if let Ok(previous) = previous {
                return Ok(self.look_for_rival(seen, previous));
            }
            return Ok(None);
        }
        let Ok(previous) = previous else {
            let offset = seen.offset;
            return Ok(Some(StopReason::OutcomeMismatch { offset }));
        };
        if seen.offset >= next_offset {
            return self.see_early(seen, previous, next_offset);
        }
        let own = self.own.iter().position(|own| own.offset == seen.offset);
        let reason = match own.and_then(|index| Some((index, self.own.get(index)?))) {
            Some((index, own)) => match compare(own, seen.digest, hash(seen.payload)) {
                Ok(()) => return self.read_back(index, now_ms),
                Err(reason) if index == 0 => reason,
                Err(_) => self.contradiction(seen.offset),
            },
            None => self.contradiction(seen.offset),
        };
        self.pass(seen.offset, previous, reason)
    }

    /// Takes the outcome at this place of the own ones, which was read back as it is.
    fn read_back(&mut self, index: usize, now_ms: u64) -> Passed {
        // Its publisher holds the same state. What it left out before was either disputed,
        // so that readers have something else in its place, or is missing.
        if index > 0 {
            let front = self.own.front().map(|own| own.offset);
            let is_disputed = self
                .disputes
                .iter()
                .any(|dispute| Some(dispute.note.first) == front);
            if let (Some(offset), false) = (front, is_disputed && index == 1) {
                return Err(StopReason::OutcomeMissing { offset });
            }
        }
        if let Some(last) = self.own.drain(..=index).next_back() {
            self.published = Some(last.offset);
        }
        self.disputes.clear();
        // Foreign ones before it were just that.
        self.early_disputed = 0;
        self.note_progress(now_ms);
        Ok(None)
    }

    /// An outcome of a record that was not applied here yet, and cannot be compared yet.
    fn see_early(
        &mut self,
        seen: SeenOutcome<'_>,
        previous: Option<Offset>,
        next_offset: Offset,
    ) -> Passed {
        if self.own.is_empty() && previous == self.published {
            self.published = Some(seen.offset);
            self.rival = None;
            self.keep_early(Early::of(seen, previous), next_offset);
            return Ok(None);
        }
        let reason = match previous {
            Some(offset) if self.own.is_empty() && previous > self.published => {
                StopReason::OutcomeMissing { offset }
            }
            _ => self.contradiction(seen.offset),
        };
        if self.rival_of_last(previous) {
            self.rival = Some(Early::of(seen, previous));
            return Ok(Some(reason));
        }
        self.pass(seen.offset, previous, reason)
    }

    /// The topic continues from the rival: what was believed instead was foreign.
    fn follow_rival(
        &mut self,
        seen: SeenOutcome<'_>,
        previous: Option<Offset>,
        next_offset: Offset,
    ) -> Option<StopReason> {
        let rival = self.rival?;
        let goes_on = previous == Some(rival.offset) && seen.offset > rival.offset;
        if !goes_on || !self.own.is_empty() || !self.rival_of_last(rival.previous) {
            return None;
        }
        self.rival = None;
        let foreign = self.early.pop_back()?;
        self.published = Some(seen.offset);
        self.keep_early(rival, next_offset);
        self.keep_early(Early::of(seen, previous), next_offset);
        Some(StopReason::OutcomeUnknown {
            offset: foreign.offset,
        })
    }

    /// An outcome at or below the highest one read is a repeat, or contradicts the last early one.
    fn look_for_rival(
        &mut self,
        seen: SeenOutcome<'_>,
        previous: Option<Offset>,
    ) -> Option<StopReason> {
        let is_other = self.published != Some(seen.offset);
        if !is_other || !self.rival_of_last(previous) {
            return None;
        }
        self.rival = Some(Early::of(seen, previous));
        let offset = seen.offset;
        Some(StopReason::OutcomeUnknown { offset })
    }

    fn rival_of_last(&self, previous: Option<Offset>) -> bool {
        let last = self.early.back();
        last.is_some_and(|last| Some(last.offset) == self.published && last.previous == previous)
    }

    /// What an outcome contradicts that does not come next.
    fn contradiction(&self, offset: Offset) -> StopReason {
        match self.own.front() {
            Some(own) if own.offset < offset => StopReason::OutcomeMissing { offset: own.offset },
            _ => StopReason::OutcomeUnknown { offset },
        }
    }

    /// Skips an outcome that contradicts this member, unless the topic continues from it.
    fn pass(&mut self, offset: Offset, previous: Option<Offset>, reason: StopReason) -> Passed {
        let dispute = self.disputes.take(offset, previous, || Dispute {
            reason: reason.clone(),
            first: offset,
        });
        if let Some(dispute) = dispute
            && dispute.records >= DISPUTED_RECORDS
        {
            return Err(dispute.note.reason.clone());
        }
        Ok(Some(reason))
    }

    /// Starts again with a new publisher; the topic ends at `published`.
    pub(super) fn restart(&mut self, published: Option<Offset>, now_ms: u64) {
        self.sent = None;
        if published <= self.published {
            return;
        }
        // Others published these, and they were skipped over when the tail was read.
        self.published = published;
        self.not_kept = published;
        self.rival = None;
        self.disputes.clear();
        while self
            .own
            .front()
            .is_some_and(|own| Some(own.offset) <= published)
        {
            self.own.pop_front();
        }
        self.note_progress(now_ms);
    }

    /// Copies of all own outcomes that were not given to the present publisher yet.
    pub(super) fn take_unsent(&mut self) -> Vec<Publication> {
        let from = self
            .own
            .partition_point(|own| Some(own.offset) <= self.sent);
        if let Some(last) = self.own.back() {
            self.sent = Some(last.offset);
        }
        self.own.range(from..).cloned().collect()
    }

    fn note_progress(&mut self, now_ms: u64) {
        self.full_since_ms = self.is_full().then_some(now_ms);
    }

    fn keep_early(&mut self, early: Early, next_offset: Offset) {
        if self.not_kept.is_some_and(|until| until < next_offset) {
            self.not_kept = None;
        }
        if self.not_kept.is_some() || self.early.len() >= self.unpublished_max {
            self.not_kept = Some(early.offset);
            return;
        }
        self.early.push_back(early);
    }
}

fn compare(own: &Publication, digest: u64, payload_hash: u64) -> Result<(), StopReason> {
    let offset = own.offset;
    if own.digest != digest {
        return Err(StopReason::DigestMismatch {
            offset,
            own: own.digest,
            owner: digest,
        });
    }
    if hash(&own.payload) != payload_hash {
        return Err(StopReason::OutcomeMismatch { offset });
    }
    Ok(())
}

fn hash(payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(payload)
}
