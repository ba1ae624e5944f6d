//! Helpers for the tables of the commands' tests.

use onsale_schemas::command::BlockPlaces;
use onsale_schemas::command::{
    Actor, Admission, Confirm, Currency, OpenShow, Pick, Reserve, SeatBlock, ZoneLayout,
};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{
    Command, Entry, Envelope, EventId, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId,
    Rejection, RequestId, SeatIndex, SeatList, ShowId, UserId, ZoneIndex, codec,
};

use super::machine::{Model, ModelLimits};

pub(super) const PRICE: i64 = 1_500;
pub(super) const HOLD_MS: u32 = 60_000;
/// The sale of [`show_of`] is open from here …
pub(super) const OPENS: LogTimeMs = 0;
/// … until here.
pub(super) const CLOSES: LogTimeMs = 1_000_000_000;

pub(super) fn limits() -> ModelLimits {
    ModelLimits {
        shows_max: 8,
        bookings_max: 64,
        remembered_answers_max: 64,
        ..ModelLimits::default()
    }
}

pub(super) fn show_id(n: u8) -> ShowId {
    ShowId::from_bytes([n; 16])
}

pub(super) fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

pub(super) fn zone_of(admission: Admission) -> ZoneLayout {
    ZoneLayout {
        unit_price: PRICE,
        currency: Currency(*b"THB"),
        admission,
    }
}

pub(super) fn seated(rows: &[u16]) -> ZoneLayout {
    zone_of(Admission::Seated {
        rows: rows.to_vec(),
    })
}

pub(super) fn general(capacity: u32) -> ZoneLayout {
    zone_of(Admission::General { capacity })
}

/// All shows of these tests belong to one event, limit 4.
pub(super) fn show_of(n: u8, zones: Vec<ZoneLayout>) -> OpenShow {
    OpenShow {
        show: show_id(n),
        event: EventId::from_bytes([99; 16]),
        max_tickets_per_user: 4,
        sale_opens_at_ms: OPENS,
        sale_closes_at_ms: CLOSES,
        hold_ms: HOLD_MS,
        zones,
    }
}

/// Zone 0 has seats 0..=4 and 5..=9, zone 1 has 10 places.
pub(super) fn show(n: u8) -> OpenShow {
    show_of(n, vec![seated(&[5, 5]), general(10)])
}

pub(super) fn seats(seats: &[SeatIndex]) -> SeatList {
    SeatList::from(seats)
}

pub(super) fn reserve(show: u8, by: u8, zone: ZoneIndex, pick: Pick) -> Command {
    Command::Reserve(Reserve {
        show: show_id(show),
        user: user(by),
        zone,
        pick,
        expected_unit_price: None,
    })
}

pub(super) fn reserve_seats(show: u8, by: u8, list: &[SeatIndex]) -> Command {
    reserve(show, by, 0, Pick::Seats(seats(list)))
}

pub(super) fn reserve_general(show: u8, by: u8, quantity: u32) -> Command {
    reserve(show, by, 1, Pick::General { quantity })
}

pub(super) fn confirm(booking: Offset, reference: &str) -> Command {
    Command::Confirm(Confirm {
        booking,
        by: Actor::Staff,
        payment_reference: reference.to_owned(),
    })
}

pub(super) fn release(booking: Offset) -> Command {
    Command::Release {
        booking,
        by: Actor::Staff,
    }
}

pub(super) fn block_seats(show: u8, list: &[SeatIndex]) -> SeatBlock {
    SeatBlock {
        show: show_id(show),
        zone: 0,
        places: BlockPlaces::Seats(seats(list)),
    }
}

pub(super) fn block_quantity(show: u8, quantity: u32) -> SeatBlock {
    SeatBlock {
        show: show_id(show),
        zone: 1,
        places: BlockPlaces::Quantity(quantity),
    }
}

pub(super) fn rejected(reason: InvalidReason) -> Outcome {
    Outcome::Rejected(Rejection::Invalid { reason })
}

pub(super) fn unavailable(list: &[SeatIndex]) -> Outcome {
    Outcome::Rejected(Rejection::SeatUnavailable { seats: seats(list) })
}

pub(super) fn short(available: u32) -> Outcome {
    Outcome::Rejected(Rejection::InsufficientStock {
        available,
        not_together: false,
    })
}

/// A model being driven; checks the invariants after every record.
pub(super) struct Script {
    pub(super) model: Model,
    pub(super) now: LogTimeMs,
}

impl Script {
    /// Show 1 stands open; offset 0 is used.
    pub(super) fn new() -> Self {
        Self::with(limits())
    }

    pub(super) fn with(limits: ModelLimits) -> Self {
        let mut script = Self {
            model: Model::new(PartitionId(0), limits),
            now: 1_000,
        };
        script.run(Command::OpenShow(show(1)));
        script
    }

    pub(super) fn apply(&mut self, payload: &[u8]) -> Option<OutcomeRecord> {
        let record = self.model.apply(Entry {
            offset: self.model.next_offset(),
            log_time_ms: self.now,
            payload,
        });
        self.model.check_invariants().unwrap();
        record
    }

    pub(super) fn record(&mut self, command: Command) -> OutcomeRecord {
        let payload = codec::encode(&Envelope {
            request_id: Some(RequestId::from_bytes([7; 16])),
            idempotency: None,
            trace: None,
            command,
            by: None,
        })
        .unwrap();
        self.apply(&payload).unwrap()
    }

    pub(super) fn machine(&mut self, command: Command) -> Option<OutcomeRecord> {
        self.apply(&codec::encode(&Envelope::machine(command)).unwrap())
    }

    pub(super) fn run(&mut self, command: Command) -> Outcome {
        self.record(command).outcome
    }

    /// Reserves, which must succeed.
    pub(super) fn hold(&mut self, command: Command) -> Offset {
        match self.run(command) {
            Outcome::Reserved(reserved) => reserved.booking,
            other => panic!("{other:?}"),
        }
    }
}
