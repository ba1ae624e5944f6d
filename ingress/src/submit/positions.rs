//! Positions of the latest requests in the log, so that they can be explained, and which of them the log
//! remembers.

use onsale_schemas::{Offset, PartitionId, RequestId};
use parking_lot::Mutex;

/// Requests that are remembered; a newer one replaces an older one at random. About 64 bytes each.
const SLOTS: usize = 1 << 17;

#[derive(Clone, Copy)]
struct Slot {
    request: RequestId,
    partition: PartitionId,
    offset: Offset,
    answered: Option<Answered>,
}

/// What a partition remembers under a key. Another partition knows nothing of it.
#[derive(Clone, Copy)]
struct Answered {
    /// Of what was asked.
    fingerprint: u64,
    /// When it was decided, by the clock of this node.
    at_ms: u64,
}

pub(crate) struct Positions(Box<[Mutex<Option<Slot>>]>);

impl Positions {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::new(None)).collect())
    }

    /// The request was decided at this position.
    pub(crate) fn note(&self, request: RequestId, partition: PartitionId, offset: Offset) {
        let Some(slot) = self.0.get(place(request)) else {
            return;
        };
        let mut slot = slot.lock();
        let answered = slot
            .filter(|before| before.request == request && before.partition == partition)
            .and_then(|before| before.answered);
        *slot = Some(Slot {
            request,
            partition,
            offset,
            answered,
        });
    }

    /// The request was decided at this position at `at_ms`, and the partition remembers its answer.
    pub(crate) fn note_answer(
        &self,
        (request, fingerprint): (RequestId, u64),
        (partition, offset): (PartitionId, Offset),
        at_ms: u64,
    ) {
        if let Some(slot) = self.0.get(place(request)) {
            *slot.lock() = Some(Slot {
                request,
                partition,
                offset,
                answered: Some(Answered { fingerprint, at_ms }),
            });
        }
    }

    /// Where the request was decided, if that was recent.
    pub(crate) fn find(&self, request: RequestId) -> Option<(PartitionId, Offset)> {
        self.slot(request).map(|slot| (slot.partition, slot.offset))
    }

    /// Whether the partition answered this very request, and at `since_ms` or later.
    pub(crate) fn was_answered(
        &self,
        (request, fingerprint): (RequestId, u64),
        partition: PartitionId,
        since_ms: u64,
    ) -> bool {
        self.answered(request, partition, since_ms) == Some(fingerprint)
    }

    /// Whether the partition answered another request with the same id, and at `since_ms` or later.
    pub(crate) fn was_anothers(
        &self,
        (request, fingerprint): (RequestId, u64),
        partition: PartitionId,
        since_ms: u64,
    ) -> bool {
        self.answered(request, partition, since_ms)
            .is_some_and(|answered| answered != fingerprint)
    }

    /// The fingerprint of the request with this id that the partition answered, at `since_ms` or later.
    fn answered(&self, request: RequestId, partition: PartitionId, since_ms: u64) -> Option<u64> {
        self.slot(request)
            .filter(|slot| slot.partition == partition)
            .and_then(|slot| slot.answered)
            .filter(|answered| answered.at_ms >= since_ms)
            .map(|answered| answered.fingerprint)
    }

    fn slot(&self, request: RequestId) -> Option<Slot> {
        let slot = *self.0.get(place(request))?.lock();
        slot.filter(|slot| slot.request == request)
    }
}

/// The last bytes of the ids are random, or a hash.
fn place(request: RequestId) -> usize {
    let [.., a, b, c, d] = *request.0.as_bytes();
    usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(0) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_latest_and_confuses_no_requests() {
        let positions = Positions::new();
        let one = RequestId::from_bytes([7; 16]);
        let mut other = [7; 16];
        other[0] = 8;
        let other = RequestId::from_bytes(other);
        assert_eq!(positions.find(one), None);
        positions.note(one, PartitionId(1), 5);
        assert_eq!(positions.find(one), Some((PartitionId(1), 5)));
        assert_eq!(positions.find(other), None);
        positions.note(other, PartitionId(2), 6);
        assert_eq!(positions.find(one), None, "they share a slot");
    }

    #[test]
    fn an_answer_is_known_of_its_partition_its_request_and_for_a_time() {
        let positions = Positions::new();
        let request = RequestId::from_bytes([7; 16]);
        let (here, there) = (PartitionId(1), PartitionId(2));
        let knows = |fingerprint, partition, since_ms| {
            positions.was_answered((request, fingerprint), partition, since_ms)
        };
        // Where it stands is known, not that it is remembered.
        positions.note(request, here, 5);
        assert!(!knows(3, here, 0));
        positions.note_answer((request, 3), (here, 5), 1_000);
        assert_eq!(positions.find(request), Some((here, 5)));
        assert!(knows(3, here, 1_000));
        assert!(!knows(3, here, 1_001), "too long ago");
        assert!(!knows(3, there, 0), "another partition");
        assert!(!knows(4, here, 0), "another request");
        let is_anothers = |fingerprint, partition, since_ms| {
            positions.was_anothers((request, fingerprint), partition, since_ms)
        };
        assert!(is_anothers(4, here, 1_000));
        assert!(!is_anothers(3, here, 1_000), "its own");
        assert!(!is_anothers(4, here, 1_001) && !is_anothers(4, there, 0));
        // The key for something else, which the partition refuses: it remembers the first no longer for that.
        positions.note(request, here, 9);
        assert_eq!(positions.find(request), Some((here, 9)));
        assert!(knows(3, here, 1_000) && !knows(3, here, 1_001));
        positions.note(request, there, 4);
        assert!(!knows(3, there, 0) && !knows(3, here, 0));
    }
}
