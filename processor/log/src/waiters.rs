//! Who waits for which outcome, where outcomes come back through a topic that everybody reads.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use onsale_schemas::{Offset, OutcomeRecord, PartitionId, RequestId};
use tokio::sync::oneshot;

use crate::commands::{Reply, SubmitError};

/// Outcomes of one request id kept until it is known which waiter they belong to.
const EARLY_PER_REQUEST_MAX: usize = 8;

/// A request in a partition. The id alone says too little: a client may use its key for shows of
/// different partitions.
type Asked = (PartitionId, RequestId);

/// Names one waiter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaiterId {
    asked: Asked,
    number: u64,
}

/// The waiters of an ingress, by request. Sans-IO; the clock is the caller's.
///
/// A request id from a client's idempotency key may be in flight several times, here or at another
/// ingress, and a repetition with another body has another answer: so a waiter gets the outcome of
/// its own record, known by the offset in the delivery report.
#[derive(Debug)]
pub struct Waiters {
    waiting: HashMap<Asked, Entry>,
    by_age: VecDeque<(Instant, WaiterId)>,
    count: usize,
    count_max: usize,
    next_number: u64,
}

#[derive(Default, Debug)]
struct Entry {
    waiters: Vec<Waiter>,
    /// Outcomes that arrived before the delivery report that says whose they are.
    early: VecDeque<OutcomeRecord>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    position: Position,
    reply: oneshot::Sender<Reply>,
}

/// Where a waiter's record is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    /// Not reported yet.
    Unreported,
    /// Here.
    At(Offset),
    /// It will never be reported: any outcome of the request has to do.
    Unknown,
}

impl Waiters {
    /// No waiters, and room for this many.
    pub fn new(count_max: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            by_age: VecDeque::new(),
            count: 0,
            count_max,
            next_number: 0,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without waiters.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a waiter; `None` when there are too many.
    pub fn add(
        &mut self,
        partition: PartitionId,
        request: RequestId,
        reply: oneshot::Sender<Reply>,
        now: Instant,
    ) -> Option<WaiterId> {
        if self.count >= self.count_max {
            return None;
        }
        let waiter_id = WaiterId {
            asked: (partition, request),
            number: self.next_number,
        };
        self.next_number += 1;
        self.count += 1;
        self.waiting
            .entry(waiter_id.asked)
            .or_default()
            .waiters
            .push(Waiter {
                number: waiter_id.number,
                position: Position::Unreported,
                reply,
            });
        self.by_age.push_back((now, waiter_id));
        Some(waiter_id)
    }

    /// The record of a waiter is certainly not in the log.
    pub fn refused(&mut self, waiter_id: WaiterId, error: SubmitError) {
        if let Some(waiter) = self.take(waiter_id) {
            answer(waiter, Err(error));
        }
    }

    /// The record of a waiter stands at `offset`; `None` when that will never be known.
    pub fn reported(&mut self, waiter_id: WaiterId, offset: Option<Offset>) {
        let Some(entry) = self.waiting.get_mut(&waiter_id.asked) else {
            return;
        };
        let Some(waiter) = entry
            .waiters
            .iter_mut()
            .find(|waiter| waiter.number == waiter_id.number)
        else {
            return;
        };
        waiter.position = offset.map_or(Position::Unknown, Position::At);
        let early = entry
            .early
            .iter()
            .position(|record| offset.is_none_or(|offset| record.offset == offset));
        let record = early.and_then(|at| entry.early.remove(at));
        if let Some(record) = record
            && let Some(waiter) = self.take(waiter_id)
        {
            answer(waiter, Ok(record));
        }
    }

    /// An outcome of a partition came.
    pub fn outcome(&mut self, partition: PartitionId, record: &OutcomeRecord) {
        let Some(request) = record.request_id else {
            return;
        };
        let asked = (partition, request);
        let Some(entry) = self.waiting.get_mut(&asked) else {
            return;
        };
        let at = |position| {
            let mut waiters = entry.waiters.iter();
            waiters.position(|waiter| waiter.position == position)
        };
        let found = at(Position::At(record.offset)).or_else(|| at(Position::Unknown));
        match found {
            Some(at) => {
                let waiter = entry.waiters.swap_remove(at);
                self.settle(asked);
                answer(waiter, Ok(record.clone()));
            }
            None => {
                if entry.early.len() == EARLY_PER_REQUEST_MAX {
                    entry.early.pop_front();
                }
                entry.early.push_back(record.clone());
            }
        }
    }

    /// Forgets waiters that have waited for `age` or longer: the outcome of their requests is
    /// unknown.
    pub fn forget(&mut self, now: Instant, age: Duration) {
        while let Some((since, waiter_id)) = self.by_age.front().copied() {
            let settled = !self.is_waiting(waiter_id);
            if !settled && now.duration_since(since) < age {
                break;
            }
            self.by_age.pop_front();
            drop(self.take(waiter_id));
        }
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.by_age.clear();
        self.count = 0;
    }

    fn is_waiting(&self, waiter_id: WaiterId) -> bool {
        self.waiting.get(&waiter_id.asked).is_some_and(|entry| {
            let mut waiters = entry.waiters.iter();
            waiters.any(|waiter| waiter.number == waiter_id.number)
        })
    }

    fn take(&mut self, waiter_id: WaiterId) -> Option<Waiter> {
        let entry = self.waiting.get_mut(&waiter_id.asked)?;
        let at = entry
            .waiters
            .iter()
            .position(|waiter| waiter.number == waiter_id.number)?;
        let waiter = entry.waiters.swap_remove(at);
        self.settle(waiter_id.asked);
        Some(waiter)
    }

    /// One waiter of the request less.
    fn settle(&mut self, asked: Asked) {
        self.count -= 1;
        if self
            .waiting
            .get(&asked)
            .is_some_and(|entry| entry.waiters.is_empty())
        {
            self.waiting.remove(&asked);
        }
        // The line of ages keeps settled tickets until they come to its front; not too many.
        if self.by_age.len() > 2 * self.count_max.max(1) {
            let waiting = &self.waiting;
            self.by_age.retain(|(_, waiter_id)| {
                waiting.get(&waiter_id.asked).is_some_and(|entry| {
                    let mut waiters = entry.waiters.iter();
                    waiters.any(|waiter| waiter.number == waiter_id.number)
                })
            });
        }
    }
}

fn answer(waiter: Waiter, reply: Reply) {
    // Who does not wait any more does not need it.
    let _gone = waiter.reply.send(reply);
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Outcome, Rejection};

    use super::*;

    fn id(n: u8) -> RequestId {
        RequestId::from_bytes([n; 16])
    }

    const PARTITION: PartitionId = PartitionId(3);

    fn record(n: u8, offset: Offset) -> OutcomeRecord {
        OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: 1,
            request_id: Some(id(n)),
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Rejected(Rejection::UnknownShow),
        }
    }

    fn offset_in(receiver: &mut oneshot::Receiver<Reply>) -> Option<Offset> {
        match receiver.try_recv() {
            Ok(Ok(record)) => Some(record.offset),
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => None,
        }
    }

    fn waiter(pending: &mut Waiters, n: u8) -> (WaiterId, oneshot::Receiver<Reply>) {
        let (sender, receiver) = oneshot::channel();
        let waiter_id = pending
            .add(PARTITION, id(n), sender, Instant::now())
            .unwrap();
        (waiter_id, receiver)
    }

    #[test]
    fn an_outcome_finds_its_waiter_whichever_comes_first() {
        let mut pending = Waiters::new(10);
        let (waiter_id, mut receiver) = waiter(&mut pending, 1);
        pending.reported(waiter_id, Some(7));
        pending.outcome(PARTITION, &record(2, 6));
        pending.outcome(PARTITION, &record(1, 7));
        assert_eq!(offset_in(&mut receiver), Some(7));
        let (waiter_id, mut receiver) = waiter(&mut pending, 1);
        pending.outcome(PARTITION, &record(1, 8));
        assert_eq!(offset_in(&mut receiver), None);
        pending.reported(waiter_id, Some(8));
        assert_eq!(offset_in(&mut receiver), Some(8));
        assert_eq!(pending.len(), 0);
        assert!(pending.waiting.is_empty());
    }

    #[test]
    fn waiters_of_the_same_request_get_each_its_own() {
        let mut pending = Waiters::new(10);
        let (a, mut receiver_a) = waiter(&mut pending, 1);
        let (b, mut receiver_b) = waiter(&mut pending, 1);
        // One of another ingress, and then this one's in log order.
        pending.outcome(PARTITION, &record(1, 4));
        pending.reported(b, Some(6));
        pending.outcome(PARTITION, &record(1, 5));
        pending.outcome(PARTITION, &record(1, 6));
        assert_eq!(offset_in(&mut receiver_b), Some(6));
        assert_eq!(offset_in(&mut receiver_a), None);
        pending.reported(a, Some(5));
        assert_eq!(offset_in(&mut receiver_a), Some(5));
        assert!(pending.waiting.is_empty());
    }

    #[test]
    fn the_same_request_at_the_same_offset_of_another_partition_is_another() {
        let mut pending = Waiters::new(10);
        let (waiter_id, mut receiver) = waiter(&mut pending, 1);
        // As an early one, as one of a place that is known, and as one of a place that never will be.
        pending.outcome(PartitionId(4), &record(1, 7));
        pending.reported(waiter_id, Some(7));
        pending.outcome(PartitionId(4), &record(1, 7));
        pending.reported(waiter_id, None);
        pending.outcome(PartitionId(4), &record(1, 8));
        assert_eq!(offset_in(&mut receiver), None);
        pending.outcome(PARTITION, &record(1, 9));
        assert_eq!(offset_in(&mut receiver), Some(9));
    }

    #[test]
    fn a_record_whose_place_stays_unknown_takes_any_outcome_of_its_request() {
        let mut pending = Waiters::new(10);
        let (a, mut receiver_a) = waiter(&mut pending, 1);
        let (b, mut receiver_b) = waiter(&mut pending, 2);
        pending.reported(a, None);
        pending.outcome(PARTITION, &record(1, 5));
        assert_eq!(offset_in(&mut receiver_a), Some(5));
        pending.outcome(PARTITION, &record(2, 6));
        pending.reported(b, None);
        assert_eq!(offset_in(&mut receiver_b), Some(6));
    }

    #[test]
    fn a_refusal_is_reported_and_too_many_are_not_accepted() {
        let mut pending = Waiters::new(2);
        let (a, mut receiver_a) = waiter(&mut pending, 1);
        let (_b, _receiver_b) = waiter(&mut pending, 2);
        let (sender, _receiver) = oneshot::channel();
        assert_eq!(pending.add(PARTITION, id(3), sender, Instant::now()), None);
        pending.refused(a, SubmitError::Unavailable);
        assert_eq!(
            receiver_a.try_recv().unwrap(),
            Err(SubmitError::Unavailable)
        );
        let (sender, _receiver) = oneshot::channel();
        assert!(
            pending
                .add(PARTITION, id(3), sender, Instant::now())
                .is_some()
        );
    }

    #[test]
    fn who_waited_too_long_is_forgotten_and_the_line_of_ages_stays_bounded() {
        let mut pending = Waiters::new(4);
        let start = Instant::now();
        let (sender, mut receiver) = oneshot::channel();
        pending.add(PARTITION, id(1), sender, start).unwrap();
        for n in 0..100 {
            let (waiter_id, _receiver) = waiter(&mut pending, 2);
            pending.reported(waiter_id, Some(n));
            pending.outcome(PARTITION, &record(2, n));
            assert!(pending.by_age.len() <= 9);
        }
        pending.forget(start + Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(pending.len(), 1);
        pending.forget(start + Duration::from_secs(2), Duration::from_secs(2));
        assert_eq!(pending.len(), 0);
        assert_eq!(
            receiver.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        );
        assert!(pending.waiting.is_empty() && pending.by_age.is_empty());
    }
}
