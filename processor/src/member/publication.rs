//! The outcomes of a member on their way to the topic, and the comparison with what the topic says.

use std::collections::VecDeque;

use onsale_schemas::Offset;

use super::actions::{Publication, SeenOutcome};
use crate::replica::StopReason;

/// An outcome that was read before the record was applied here.
#[derive(Clone, Copy, Debug)]
struct Early {
    offset: Offset,
    digest: u64,
    payload_hash: u64,
}

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
    pub(super) fn add(&mut self, own: Publication, now_ms: u64) -> Result<(), StopReason> {
        if Some(own.offset) > self.published {
            self.own.push_back(own);
            if self.is_full() {
                self.full_since_ms.get_or_insert(now_ms);
            }
            return Ok(());
        }
        if Some(own.offset) <= self.floor {
            return Ok(());
        }
        match self.early.front() {
            Some(early) if early.offset == own.offset => {
                let early = *early;
                self.early.pop_front();
                compare(&own, early.digest, early.payload_hash)
            }
            Some(early) if early.offset < own.offset => Err(StopReason::OutcomeUnknown {
                offset: early.offset,
            }),
            None if Some(own.offset) <= self.not_kept => Ok(()),
            _ => Err(StopReason::OutcomeMissing { offset: own.offset }),
        }
    }

    /// Notes that the record at `offset` yielded no outcome here.
    pub(super) fn add_none(&mut self, offset: Offset) -> Result<(), StopReason> {
        match self.early.front() {
            Some(early) if early.offset <= offset => Err(StopReason::OutcomeUnknown {
                offset: early.offset,
            }),
            _ => Ok(()),
        }
    }

    /// Takes an outcome that was read from the topic, where `next_offset` is applied next here.
    pub(super) fn see(
        &mut self,
        seen: SeenOutcome<'_>,
        next_offset: Offset,
        now_ms: u64,
    ) -> Result<(), StopReason> {
        if Some(seen.offset) <= self.published {
            return Ok(());
        }
        self.published = Some(seen.offset);
        if seen.offset >= next_offset {
            self.keep_early(seen, next_offset);
        }
        match self.own.front() {
            None if seen.offset >= next_offset => Ok(()),
            None => Err(StopReason::OutcomeUnknown {
                offset: seen.offset,
            }),
            Some(own) if own.offset < seen.offset => {
                Err(StopReason::OutcomeMissing { offset: own.offset })
            }
            Some(own) if own.offset > seen.offset => Err(StopReason::OutcomeUnknown {
                offset: seen.offset,
            }),
            Some(own) => {
                let compared = compare(own, seen.digest, hash(seen.payload));
                self.own.pop_front();
                self.note_progress(now_ms);
                compared
            }
        }
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

    fn keep_early(&mut self, seen: SeenOutcome<'_>, next_offset: Offset) {
        if self.not_kept.is_some_and(|until| until < next_offset) {
            self.not_kept = None;
        }
        if self.not_kept.is_some() || self.early.len() >= self.unpublished_max {
            self.not_kept = Some(seen.offset);
            return;
        }
        self.early.push_back(Early {
            offset: seen.offset,
            digest: seen.digest,
            payload_hash: hash(seen.payload),
        });
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
