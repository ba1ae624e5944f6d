//! Which show a booking belongs to, according to recent outcomes.
//!
//! Staff who act on a booking must be known to act within its tenant before anything is submitted.
//! The database knows it too, a moment later and while it is up; a sale must not wait for that.

use std::collections::VecDeque;

use onsale_log::OutcomeBatch;
use onsale_schemas::{BookingId, Offset, Outcome, PartitionId, ShowId};
use parking_lot::Mutex;

/// Reservations that are remembered, of all partitions; 24 bytes each.
const BOOKINGS_MAX: usize = 1 << 20;
/// Of each partition at least.
const BOOKINGS_PER_PARTITION_MIN: usize = 1_024;

/// Offset and show of reservations, ascending.
type Latest = VecDeque<(Offset, ShowId)>;

/// See the module.
pub(crate) struct ShowsOfBookings {
    /// By partition.
    latest: Box<[Mutex<Latest>]>,
    per_partition_max: usize,
}

impl ShowsOfBookings {
    pub(crate) fn new(partitions: u16) -> Self {
        let per_partition = BOOKINGS_MAX / usize::from(partitions.max(1));
        Self {
            latest: (0..partitions).map(|_| Mutex::default()).collect(),
            per_partition_max: per_partition.max(BOOKINGS_PER_PARTITION_MIN),
        }
    }

    /// Applies outcomes, each partition's in order.
    pub(crate) fn seen(&self, batch: &OutcomeBatch) {
        let Some(latest) = self.latest.get(usize::from(batch.partition.0)) else {
            return;
        };
        let mut latest = latest.lock();
        for record in &batch.records {
            let (booking, show) = match &record.outcome {
                Outcome::Reserved(reserved) => (reserved.booking, reserved.show),
                Outcome::ReservedV2(order) => (order.booking, order.show),
                _ => continue,
            };
            let newest = latest.back().is_none_or(|(offset, _)| *offset < booking);
            if record.replay_of.is_none() && newest {
                if latest.len() >= self.per_partition_max {
                    latest.pop_front();
                }
                latest.push_back((booking, show));
            }
        }
    }

    /// The show of a booking that was reserved recently.
    pub(crate) fn find(&self, booking: BookingId) -> Option<ShowId> {
        let PartitionId(partition) = booking.partition();
        let latest = self.latest.get(usize::from(partition))?.lock();
        let place = latest
            .binary_search_by_key(&booking.offset(), |(offset, _)| *offset)
            .ok()?;
        latest.get(place).map(|(_, show)| *show)
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::outcome::{Replayed, Reserved};
    use onsale_schemas::{EventId, OutcomeRecord, SeatList, UserId};

    use super::*;

    fn reserved(offset: Offset, show: u8) -> OutcomeRecord {
        OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: 0,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Reserved(Reserved {
                booking: offset,
                show: ShowId::from_bytes([show; 16]),
                event: EventId::from_bytes([1; 16]),
                user: UserId::from_bytes([2; 16]),
                zone: 0,
                seats: SeatList::new(),
                quantity: 1,
                unit_price: 1,
                currency: "THB".parse().unwrap(),
                expires_at_ms: 0,
            }),
        }
    }

    fn batch(records: Vec<OutcomeRecord>) -> OutcomeBatch {
        OutcomeBatch {
            partition: PartitionId(1),
            records,
        }
    }

    #[test]
    fn reservations_are_found_by_their_position_and_the_oldest_forgotten() {
        let shows = ShowsOfBookings::new(256);
        let max = u64::try_from(shows.per_partition_max).unwrap();
        let mut replayed = reserved(5, 9);
        replayed.replay_of = Some(Replayed {
            offset: 1,
            log_time_ms: 0,
        });
        shows.seen(&batch(vec![reserved(2, 7), reserved(4, 8), replayed]));
        let find = |partition, offset| shows.find(BookingId::new(PartitionId(partition), offset));
        assert_eq!(find(1, 4), Some(ShowId::from_bytes([8; 16])));
        assert_eq!(find(1, 3), None);
        assert_eq!(find(1, 5), None);
        assert_eq!(find(0, 4), None);
        shows.seen(&batch(
            (10..10 + max - 1).map(|at| reserved(at, 6)).collect(),
        ));
        assert_eq!(find(1, 2), None);
        assert!(find(1, 4).is_some());
    }
}
