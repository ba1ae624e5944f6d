//! Recent outcomes, of all ingresses: a request that another one answered with 202 can be polled here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_log::OutcomeBatch;
use onsale_schemas::{OutcomeRecord, PartitionId, RequestId};
use parking_lot::Mutex;

use super::answering::acknowledge;
use crate::state::AppState;

/// Outcomes that are remembered; a few hundred bytes each.
const RECENT_MAX: usize = 65_536;
/// For how long.
const RECENT_TTL: Duration = Duration::from_secs(15 * 60);

/// See the module.
pub(crate) struct Recent {
    /// `None` where this process hands in every command itself and knows what was asked.
    batches: Option<Mutex<Batches>>,
}

/// Batches as they came, the oldest first, and where in them each request was decided.
#[derive(Default)]
struct Batches {
    kept: VecDeque<(Instant, Arc<OutcomeBatch>)>,
    /// How many were forgotten before the first that is kept.
    forgotten: u64,
    /// The batch, counted from the first ever, and the place in it.
    places: HashMap<RequestId, (u64, usize)>,
    records: usize,
}

impl Batches {
    fn add(&mut self, batch: &Arc<OutcomeBatch>, now: Instant) {
        let number = self.forgotten + u64::try_from(self.kept.len()).unwrap_or(0);
        for (place, record) in batch.records.iter().enumerate() {
            if let Some(request_id) = record.request_id {
                self.places.insert(request_id, (number, place));
            }
        }
        self.records += batch.records.len();
        self.kept.push_back((now, batch.clone()));
        while let Some((came, oldest)) = self.kept.front()
            && (self.records > RECENT_MAX || now.duration_since(*came) > RECENT_TTL)
        {
            for record in &oldest.records {
                if let Some(request_id) = record.request_id
                    && self
                        .places
                        .get(&request_id)
                        .is_some_and(|(of, _)| *of == self.forgotten)
                {
                    self.places.remove(&request_id);
                }
            }
            self.records -= oldest.records.len();
            self.forgotten += 1;
            self.kept.pop_front();
        }
    }

    fn find(&self, request_id: RequestId) -> Option<(Arc<OutcomeBatch>, usize)> {
        let (number, place) = self.places.get(&request_id)?;
        let index = usize::try_from(number.checked_sub(self.forgotten)?).ok()?;
        let (_, batch) = self.kept.get(index)?;
        Some((batch.clone(), *place))
    }
}

impl Recent {
    /// Remembers only where other processes hand in commands too.
    pub(crate) fn new(is_shared: bool) -> Self {
        Self {
            batches: is_shared.then(Mutex::default),
        }
    }

    /// Outcomes arrived on the feed.
    pub(crate) fn seen(&self, state: &AppState, batch: &Arc<OutcomeBatch>) {
        let Some(batches) = &self.batches else {
            return;
        };
        for record in &batch.records {
            acknowledge(state, batch.partition, record);
        }
        batches.lock().add(batch, Instant::now());
    }

    /// The outcome of a recent request and the partition that decided it.
    pub(crate) fn find(&self, request_id: RequestId) -> Option<(PartitionId, OutcomeRecord)> {
        let (batch, place) = self.batches.as_ref()?.lock().find(request_id)?;
        Some((batch.partition, batch.records.get(place)?.clone()))
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Outcome;

    use super::*;

    fn request(n: u64) -> RequestId {
        RequestId(uuid::Uuid::from_u64_pair(0, n))
    }

    fn batch(requests: &[u64]) -> Arc<OutcomeBatch> {
        let record = |n: &u64| OutcomeRecord {
            offset: *n,
            previous: None,
            log_time_ms: 0,
            request_id: Some(request(*n)),
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Nothing,
        };
        Arc::new(OutcomeBatch {
            partition: PartitionId(1),
            records: requests.iter().map(record).collect(),
        })
    }

    fn offset(batches: &Batches, n: u64) -> Option<u64> {
        let (batch, place) = batches.find(request(n))?;
        Some(batch.records[place].offset)
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_by_age() {
        let mut batches = Batches::default();
        let began = Instant::now();
        batches.add(&batch(&[1, 2]), began);
        batches.add(&batch(&[3, 1]), began);
        assert_eq!(offset(&batches, 2), Some(2));
        let many: Vec<u64> = (10..).take(RECENT_MAX - 2).collect();
        batches.add(&batch(&many), began);
        assert_eq!(offset(&batches, 2), None);
        assert_eq!(offset(&batches, 1), Some(1), "asked for twice");
        assert_eq!(offset(&batches, 3), Some(3));
        assert_eq!(offset(&batches, 11), Some(11));
        batches.add(&batch(&[4]), began + RECENT_TTL + Duration::from_secs(1));
        assert_eq!(offset(&batches, 11), None);
        assert_eq!(offset(&batches, 4), Some(4));
        assert_eq!((batches.places.len(), batches.records), (1, 1));
    }
}
