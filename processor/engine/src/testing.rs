//! What the tests of commands share: a partition that is fed by hand.

use onsale_schemas::command::{
    Admission, AmendShow, BlockPlaces, Confirm, Currency, OpenShow, OpenShowV2, Pick, Reserve,
    SeatBlock, ZoneLayout,
};
use onsale_schemas::{
    Actor, Command, Entry, Envelope, EventId, LogTimeMs, Offset, Outcome, OutcomeRecord,
    PartitionId, Rejection, RequestId, ShowId, Staff, TenantId, UserId, ZoneIndex, codec,
};

use crate::limits::Limits;
use crate::partition::Partition;
use crate::views::BookingView;

/// Log time at which tests begin.
pub(crate) const NOW: LogTimeMs = 1_000_000;
/// Length of holds of shows created by [`open`].
pub(crate) const HOLD_MS: u32 = 600_000;

pub(crate) fn show_id(n: u8) -> ShowId {
    ShowId::from_bytes([n; 16])
}

pub(crate) fn event_id(n: u8) -> EventId {
    EventId::from_bytes([n; 16])
}

pub(crate) fn user_id(n: u32) -> UserId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    UserId::from_bytes(bytes)
}

fn zone(admission: Admission) -> ZoneLayout {
    ZoneLayout {
        unit_price: 100,
        currency: Currency(*b"THB"),
        admission,
    }
}

pub(crate) fn seated(rows: &[u16]) -> ZoneLayout {
    zone(Admission::Seated {
        rows: rows.to_vec(),
    })
}

pub(crate) fn general(capacity: u32) -> ZoneLayout {
    zone(Admission::General { capacity })
}

/// A show of the event of the same number, on sale now, four tickets a user.
pub(crate) fn open(show: u8, zones: Vec<ZoneLayout>) -> OpenShow {
    open_of(show, show, zones)
}

pub(crate) fn open_of(show: u8, event: u8, zones: Vec<ZoneLayout>) -> OpenShow {
    OpenShow {
        show: show_id(show),
        event: event_id(event),
        max_tickets_per_user: 4,
        sale_opens_at_ms: 1_000,
        sale_closes_at_ms: NOW * 1_000,
        hold_ms: HOLD_MS,
        zones,
    }
}

/// A show of a tenant with a general zone of fifty and a cool-down of a minute.
pub(crate) fn open_v2(show: u8, event: u8, tenant: u8) -> Command {
    Command::OpenShowV2(OpenShowV2 {
        show: open_of(show, event, vec![general(50)]),
        tenant: tenant_id(tenant),
        cooldown_ms: 60_000,
    })
}

pub(crate) fn tenant_id(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

/// Staff of a tenant, or of the installation.
pub(crate) fn staff(tenant: Option<u8>) -> Staff {
    Staff {
        user: user_id(4_000_000),
        tenant: tenant.map(tenant_id),
    }
}

pub(crate) fn rejected(outcome: &Outcome) -> Option<&Rejection> {
    match outcome {
        Outcome::Rejected(rejection) => Some(rejection),
        _ => None,
    }
}

pub(crate) struct Machine {
    pub(crate) partition: Partition,
    pub(crate) now: LogTimeMs,
    pub(crate) records: Vec<OutcomeRecord>,
    log: Vec<(LogTimeMs, Vec<u8>)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self {
            partition: Partition::new(PartitionId(3), limits),
            now: NOW,
            records: Vec::new(),
            log: Vec::new(),
        }
    }

    /// At machine version 2.
    pub(crate) fn second() -> Self {
        Self::second_with(Limits::default())
    }

    pub(crate) fn second_with(limits: Limits) -> Self {
        let mut machine = Self::with_limits(limits);
        machine.raise_to_second();
        machine
    }

    /// Raises the machine version to 3.
    pub(crate) fn raise_to_third(&mut self) {
        self.apply_machine(Command::Barrier { machine_version: 3 });
        assert_eq!(self.partition.machine_version(), 3);
    }

    /// Raises the machine version to 2.
    pub(crate) fn raise_to_second(&mut self) {
        self.apply_machine(Command::Barrier { machine_version: 2 });
        assert_eq!(self.partition.machine_version(), 2);
    }

    pub(crate) fn advance(&mut self, by_ms: u64) {
        self.now += by_ms;
    }

    pub(crate) fn apply_bytes(&mut self, payload: &[u8]) {
        let entry = Entry {
            offset: self.partition.next_offset(),
            log_time_ms: self.now,
            payload,
        };
        self.partition.apply(entry, &mut self.records);
        self.log.push((self.now, payload.to_vec()));
    }

    /// All that was applied.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..)
            .zip(&self.log)
            .map(|(offset, (log_time_ms, payload))| Entry {
                offset,
                log_time_ms: *log_time_ms,
                payload,
            })
    }

    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let payload = codec::encode(envelope).unwrap();
        self.apply_bytes(&payload);
    }

    pub(crate) fn apply_machine(&mut self, command: Command) {
        self.apply(&Envelope::machine(command));
    }

    pub(crate) fn tick(&mut self) {
        self.apply_machine(Command::Tick { epoch: 0 });
    }

    /// Applies a request and returns its outcome.
    pub(crate) fn run(&mut self, command: Command) -> Outcome {
        self.apply(&Envelope {
            request_id: Some(RequestId::from_bytes([7; 16])),
            idempotency: None,
            trace: None,
            command,
            by: None,
        });
        self.records.last().unwrap().outcome.clone()
    }

    /// Applies a request with an idempotency key and returns its record.
    pub(crate) fn idempotent(
        &mut self,
        id: u8,
        fingerprint: u64,
        command: Command,
    ) -> OutcomeRecord {
        self.apply(&Envelope {
            request_id: Some(RequestId::from_bytes([id; 16])),
            idempotency: Some(fingerprint),
            trace: None,
            command,
            by: None,
        });
        self.records.last().unwrap().clone()
    }

    pub(crate) fn run_ok(&mut self, command: Command) -> Outcome {
        let outcome = self.run(command);
        assert_eq!(rejected(&outcome), None);
        outcome
    }

    /// Applies a command without a waiting client.
    pub(crate) fn apply_as(&mut self, by: Option<Staff>, command: Command) {
        self.apply(&Envelope {
            by,
            ..Envelope::machine(command)
        });
    }

    /// As [`Machine::run_ok`], asked for by staff.
    pub(crate) fn run_by(&mut self, by: Staff, command: Command) -> Outcome {
        let outcome = self.ask_by(by, command);
        assert_eq!(rejected(&outcome), None);
        outcome
    }

    #[track_caller]
    pub(crate) fn expect_refusal_by(&mut self, by: Staff, command: Command, expected: Rejection) {
        let what = format!("{command:?}");
        assert_eq!(
            self.ask_by(by, command),
            Outcome::Rejected(expected),
            "{what}"
        );
    }

    fn ask_by(&mut self, by: Staff, command: Command) -> Outcome {
        self.apply(&Envelope {
            request_id: Some(RequestId::from_bytes([7; 16])),
            by: Some(by),
            ..Envelope::machine(command)
        });
        self.records.last().unwrap().outcome.clone()
    }

    /// Opens a show and amends it.
    pub(crate) fn amend_after_open(&mut self, open: OpenShow, change: impl FnOnce(&mut AmendShow)) {
        let show = open.show;
        self.run_open(open);
        self.amend(show, change);
    }

    pub(crate) fn run_open(&mut self, command: OpenShow) -> Outcome {
        self.run_ok(Command::OpenShow(command))
    }

    #[track_caller]
    pub(crate) fn expect_refusal(&mut self, command: Command, expected: Rejection) {
        let what = format!("{command:?}");
        assert_eq!(self.run(command), Outcome::Rejected(expected), "{what}");
    }

    pub(crate) fn amend(&mut self, show: ShowId, change: impl FnOnce(&mut AmendShow)) {
        let mut amend = AmendShow {
            show,
            max_tickets_per_user: None,
            sale_opens_at_ms: None,
            sale_closes_at_ms: None,
            hold_ms: None,
            prices: vec![],
        };
        change(&mut amend);
        self.run_ok(Command::AmendShow(amend));
    }

    pub(crate) fn seats(&self, show: u8, user: u32, zone: ZoneIndex, seats: &[u32]) -> Command {
        Command::Reserve(Reserve {
            show: show_id(show),
            user: user_id(user),
            zone,
            pick: Pick::Seats(seats.into()),
            expected_unit_price: None,
        })
    }

    pub(crate) fn general(&self, show: u8, user: u32, zone: ZoneIndex, quantity: u32) -> Command {
        Command::Reserve(Reserve {
            show: show_id(show),
            user: user_id(user),
            zone,
            pick: Pick::General { quantity },
            expected_unit_price: None,
        })
    }

    pub(crate) fn confirm(&self, booking: Offset, reference: &str) -> Command {
        Command::Confirm(Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: reference.into(),
        })
    }

    pub(crate) fn block_seats(&self, show: u8, zone: ZoneIndex, seats: &[u32]) -> Command {
        Command::Block(SeatBlock {
            show: show_id(show),
            zone,
            places: BlockPlaces::Seats(seats.into()),
        })
    }

    fn reserve(&mut self, command: Command) -> Offset {
        match self.run_ok(command) {
            Outcome::Reserved(reserved) => reserved.booking,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn reserve_seats(
        &mut self,
        show: u8,
        user: u32,
        zone: ZoneIndex,
        seats: &[u32],
    ) -> Offset {
        self.reserve(self.seats(show, user, zone, seats))
    }

    pub(crate) fn reserve_general(
        &mut self,
        show: u8,
        user: u32,
        zone: ZoneIndex,
        quantity: u32,
    ) -> Offset {
        self.reserve(self.general(show, user, zone, quantity))
    }

    /// As [`Machine::reserve_general`], by a user of a crowd.
    pub(crate) fn reserve_general_by(
        &mut self,
        show: u8,
        user: u32,
        zone: ZoneIndex,
        quantity: u32,
    ) -> Offset {
        self.reserve_general(show, 1_000 + user, zone, quantity)
    }

    pub(crate) fn booking(&self, offset: Offset) -> BookingView {
        self.partition.booking(offset).unwrap()
    }
}
