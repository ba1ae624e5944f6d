//! Reads a partition's log once for all receipts and explanations, and keeps where the latest
//! requests stood: the next question costs only the records since the last one.
//!
//! Requests older than those that are kept are replayed one at a time, with a pause in between that
//! is a multiple of the time the replay took.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use onsale_engine::Partition;
use onsale_log::{LogError, LogReader};
use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::{Command, Envelope, LogTimeMs, Offset, SeatIndex, Standing, codec};

use super::count::{Count, Zone, ahead_of, asked_zones};
use super::find::standing_of;
use crate::replay::{self, Until};

/// See the module.
#[derive(Debug)]
pub(super) struct Walk {
    machine: Partition,
    counted_from: Offset,
    base_time: LogTimeMs,
    zones: HashMap<Zone, Count>,
    kept: Kept,
}

/// How much a [`Walk`] keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptMax {
    /// Requests.
    pub(super) requests: usize,
    /// About this many bytes of them.
    pub(super) bytes: usize,
}

/// The latest requests.
#[derive(Debug)]
struct Kept {
    max: KeptMax,
    /// Each with about how many bytes it takes.
    requests: VecDeque<(Arc<Standing>, usize)>,
    bytes: usize,
    /// The latest one that is kept no more.
    past: Option<Offset>,
}

impl Kept {
    fn new(max: KeptMax) -> Self {
        Self {
            max,
            requests: VecDeque::new(),
            bytes: 0,
            past: None,
        }
    }

    /// `entry_bytes` is what the request takes in the log.
    fn push(&mut self, standing: Standing, entry_bytes: usize) {
        let outcome = &standing.outcome;
        let expired = outcome.expired.len() * size_of::<EndedBooking>();
        let taken_at = standing.ahead.as_ref().map_or(0, |ahead| {
            ahead.taken_at.len() * size_of::<(SeatIndex, Option<Offset>)>()
        });
        // Once for the command, and once for what its outcome repeats of it.
        let bytes = size_of::<Standing>() + 2 * entry_bytes + expired + taken_at;
        self.bytes += bytes;
        self.requests.push_back((Arc::new(standing), bytes));
        while self.requests.len() > self.max.requests || self.bytes > self.max.bytes {
            let Some((oldest, bytes)) = self.requests.pop_front() else {
                break;
            };
            self.bytes -= bytes;
            self.past = Some(oldest.outcome.offset);
        }
    }

    fn find(&self, offset: Offset) -> Option<Arc<Standing>> {
        let place = self
            .requests
            .binary_search_by_key(&offset, |(standing, _)| standing.outcome.offset)
            .ok()?;
        self.requests
            .get(place)
            .map(|(standing, _)| standing.clone())
    }
}

impl Walk {
    /// Counts from where `base` stands, and keeps the latest requests.
    pub(super) fn new(base: Partition, max: KeptMax) -> Self {
        Self {
            counted_from: base.next_offset(),
            base_time: base.log_time_ms(),
            machine: base,
            zones: HashMap::new(),
            kept: Kept::new(max),
        }
    }

    /// The next record that it has not seen.
    pub(super) fn next_offset(&self) -> Offset {
        self.machine.next_offset()
    }

    /// The request at `offset`, if it is one of those that are kept.
    pub(super) fn find(&self, offset: Offset) -> Option<Arc<Standing>> {
        self.kept.find(offset)
    }

    /// True when the request at `offset` was seen and is kept no more.
    pub(super) fn is_past(&self, offset: Offset) -> bool {
        offset < self.counted_from || Some(offset) <= self.kept.past
    }

    /// Goes on to `until` (which is not looked at any more) or to the end of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn advance(
        self,
        reader: &mut (impl LogReader + ?Sized),
        until: Offset,
    ) -> Result<Self, LogError> {
        let Self {
            machine,
            counted_from,
            base_time,
            mut zones,
            mut kept,
        } = self;
        let until = Until {
            offset: Some(until),
            time_ms: None,
        };
        let machine = replay::replay(reader, machine, until, |entry, outcome, machine| {
            let Some(record) = outcome else { return };
            let command = codec::decode::<Envelope>(entry.payload)
                .ok()
                .filter(|envelope| envelope.request_id.is_some())
                .map(|envelope| envelope.command)
                // A document is not a request, and as large as hundreds of them.
                .filter(|command| !matches!(command, Command::Describe(_)));
            let asked = command.as_ref().map_or_else(Vec::new, asked_zones);
            let touched = Count::zones_of(&asked, &record);
            for zone in &touched {
                zones
                    .entry(*zone)
                    .or_insert_with(|| Count::new(counted_from));
            }
            // What the record itself did counts for those behind it.
            let opened = asked
                .first()
                .and_then(|(show, _)| machine.show(*show))
                .map(|show| show.sale_opens_at_ms);
            let ahead = ahead_of(&asked, &record, |zone| zones.get(&zone), base_time, opened);
            for zone in touched {
                if let Some(count) = zones.get_mut(&zone) {
                    count.record(zone, asked.contains(&zone), &record);
                }
            }
            if let Some(command) = command {
                kept.push(standing_of(command, record, ahead), entry.payload.len());
            }
        })?;
        Ok(Self {
            machine,
            counted_from,
            base_time,
            zones,
            kept,
        })
    }
}

#[cfg(test)]
mod tests {
    use onsale_log::EntryBatch;
    use onsale_schemas::command::{
        Admission, Currency, Describe, OpenShow, Pick, Reserve, Subject, ZoneLayout,
    };
    use onsale_schemas::order::{Item, PickV2, ReserveV2};
    use onsale_schemas::{
        Actor, EventId, PartitionId, RequestId, SeatList, ShowId, UserId, ZoneIndex,
    };

    use super::*;
    use crate::standings::replayed::replayed;

    const SHOW: ShowId = ShowId::from_bytes([1; 16]);
    const ALL: KeptMax = KeptMax {
        requests: usize::MAX,
        bytes: usize::MAX,
    };

    /// A log in memory: the record at an offset, a millisecond apart.
    struct Records(Vec<Vec<u8>>);

    impl LogReader for Records {
        fn bounds(&self, _partition: PartitionId) -> Result<(Offset, Offset), LogError> {
            Ok((0, u64::try_from(self.0.len()).unwrap()))
        }

        fn read(
            &mut self,
            _partition: PartitionId,
            from: Offset,
            _bytes_max: usize,
            into: &mut EntryBatch,
        ) -> Result<(), LogError> {
            into.clear();
            let from = usize::try_from(from).unwrap();
            for (offset, payload) in (from..).zip(self.0.iter().skip(from)).take(7) {
                let offset = u64::try_from(offset).unwrap();
                into.push(offset, 1_000 + offset, payload);
            }
            Ok(())
        }
    }

    impl Records {
        fn add(&mut self, command: Command) {
            let number = u128::try_from(self.0.len()).unwrap();
            let is_machine = matches!(command, Command::Tick { .. });
            let request = RequestId(uuid::Uuid::from_u128(number));
            let envelope = Envelope {
                request_id: (!is_machine).then_some(request),
                idempotency: None,
                trace: None,
                command,
                by: None,
            };
            self.0.push(codec::encode(&envelope).unwrap());
        }

        fn reserve(&mut self, user: u8, zone: ZoneIndex, pick: Pick) {
            self.add(Command::Reserve(Reserve {
                show: SHOW,
                user: UserId::from_bytes([user; 16]),
                zone,
                pick,
                expected_unit_price: None,
            }));
        }
    }

    /// A sale with refusals, cancellations and holds that run out.
    fn records() -> Records {
        let mut records = Records(Vec::new());
        let zone = |admission| ZoneLayout {
            unit_price: 100,
            currency: Currency(*b"THB"),
            admission,
        };
        records.add(Command::OpenShow(OpenShow {
            show: SHOW,
            event: EventId::from_bytes([2; 16]),
            max_tickets_per_user: 3,
            sale_opens_at_ms: 1_003,
            sale_closes_at_ms: 9_000,
            hold_ms: 40,
            zones: vec![
                zone(Admission::Seated { rows: vec![10, 10] }),
                zone(Admission::General { capacity: 30 }),
            ],
        }));
        for n in 0..60_u8 {
            let seats = SeatList::from_iter([u32::from(n % 20), u32::from((n + 1) % 20)]);
            records.reserve(n % 25, 0, Pick::Seats(seats));
            records.reserve(n % 7, 1, Pick::General { quantity: 2 });
            if n % 5 == 0 {
                records.add(Command::Release {
                    booking: u64::from(n) * 2,
                    by: Actor::Buyer(UserId::from_bytes([n % 25; 16])),
                });
            }
            if n % 11 == 0 {
                records.add(Command::Tick { epoch: 0 });
            }
        }
        records
    }

    fn genesis() -> Partition {
        crate::replay::genesis(PartitionId(0))
    }

    #[test]
    fn what_is_kept_on_the_way_is_what_a_replay_finds() {
        let mut records = records();
        let end = u64::try_from(records.0.len()).unwrap();
        let mut walk = Walk::new(genesis(), ALL);
        // In two steps: the count continues.
        for until in [end / 3, end] {
            walk = walk.advance(&mut records, until).unwrap();
            assert_eq!(walk.next_offset(), until);
        }
        let mut reserved = 0;
        for offset in 0..end {
            let replayed = replayed(&mut records, genesis(), offset).ok();
            let kept = walk.find(offset).map(|kept| Standing::clone(&kept));
            assert_eq!(kept, replayed, "offset {offset}");
            reserved += u64::from(kept.is_some_and(|kept| kept.ahead.is_some()));
            assert!(!walk.is_past(offset));
        }
        assert_eq!(reserved, 120);
    }

    /// Orders over both zones, of which some are refused for either, and some give places back.
    fn orders() -> Records {
        let mut records = Records(Vec::new());
        records.add(Command::Barrier { machine_version: 3 });
        let zone = |admission| ZoneLayout {
            unit_price: 100,
            currency: Currency(*b"THB"),
            admission,
        };
        records.add(Command::OpenShow(OpenShow {
            show: SHOW,
            event: EventId::from_bytes([2; 16]),
            max_tickets_per_user: 0,
            sale_opens_at_ms: 1_003,
            sale_closes_at_ms: 9_000,
            hold_ms: 1_000,
            zones: vec![
                zone(Admission::Seated { rows: vec![10] }),
                zone(Admission::General { capacity: 9 }),
            ],
        }));
        for n in 0..40_u8 {
            let item = |zone, pick| Item {
                zone,
                pick,
                types: Vec::new(),
            };
            let seat = SeatList::from_iter([u32::from(n % 10)]);
            let order = records.0.len();
            records.add(Command::ReserveV2(ReserveV2 {
                show: SHOW,
                user: UserId::from_bytes([n % 7; 16]),
                items: vec![
                    item(1, PickV2::General { quantity: 1 }),
                    item(0, PickV2::Seats(seat)),
                ],
                code: None,
                expected_total: None,
            }));
            if n % 6 == 0 {
                records.add(Command::Release {
                    booking: u64::try_from(order).unwrap(),
                    by: Actor::Staff,
                });
            }
        }
        records
    }

    #[test]
    fn orders_are_found_as_by_a_replay_with_who_was_ahead_of_them() {
        let mut records = orders();
        let end = u64::try_from(records.0.len()).unwrap();
        let walk = Walk::new(genesis(), ALL)
            .advance(&mut records, end)
            .unwrap();
        let (mut taken, mut given_back, mut named) = (0, 0, 0);
        for offset in 0..end {
            let replayed = replayed(&mut records, genesis(), offset).ok();
            let kept = walk.find(offset).map(|kept| Standing::clone(&kept));
            assert_eq!(kept, replayed, "offset {offset}");
            let Some(ahead) = kept.and_then(|kept| kept.ahead) else {
                continue;
            };
            taken = ahead.places;
            given_back = ahead.places_given_back;
            let by = ahead.taken_at.iter().filter(|(_, by)| by.is_some());
            named += by.count();
        }
        // Of the zone of their first item, where each has one place.
        assert!(taken >= 9, "{taken}");
        assert!(given_back > 0 && given_back <= taken, "{given_back}");
        assert!(named > 0, "a seat of the other zone is told of too");
    }

    #[test]
    fn the_oldest_are_forgotten_and_said_to_be() {
        let mut records = records();
        let end = u64::try_from(records.0.len()).unwrap();
        let ten = KeptMax {
            requests: 10,
            ..ALL
        };
        let walk = Walk::new(genesis(), ten)
            .advance(&mut records, end)
            .unwrap();
        assert!(walk.is_past(0) && walk.find(0).is_none());
        let latest = (0..end).rev().filter(|offset| walk.find(*offset).is_some());
        assert_eq!(latest.count(), 10);
        let from_later = Walk::new(genesis(), ten);
        assert!(!from_later.is_past(0), "nothing was seen yet");
    }

    #[test]
    fn what_is_kept_is_bounded_by_bytes_and_holds_no_documents() {
        let mut records = records();
        records.add(Command::Barrier { machine_version: 2 });
        let described = u64::try_from(records.0.len()).unwrap();
        records.add(Command::Describe(Describe {
            subject: Subject::Event(EventId::from_bytes([2; 16])),
            document: vec![7; 500_000],
        }));
        records.reserve(1, 1, Pick::General { quantity: 1 });
        let end = described + 2;
        let some = KeptMax {
            bytes: 20 * size_of::<Standing>(),
            ..ALL
        };
        let walk = Walk::new(genesis(), some)
            .advance(&mut records, end)
            .unwrap();
        assert!(walk.kept.bytes <= some.bytes, "{}", walk.kept.bytes);
        assert!(walk.find(described).is_none());
        assert!(walk.find(described + 1).is_some());
        let latest = (0..end).rev().filter(|offset| walk.find(*offset).is_some());
        assert!((2..20).contains(&latest.count()));
        assert!(walk.is_past(0) && !walk.is_past(described + 1));
    }
}
