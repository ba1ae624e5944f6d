//! A log of orders in every state.

use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::code::{CodeTerms, CreateCodes, Discount};
use onsale_schemas::command::{
    Admission, Confirm, ConfirmV2, Currency, OpenShow, OpenShowV2, Pick, Reserve, ZoneLayout,
};
use onsale_schemas::offer::{Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::seating::OpenShowV3;
use onsale_schemas::{
    Actor, Command, Envelope, Offset, PartitionId, RequestId, SeatIndex, ShowId, TenantId,
    ZoneIndex, codec,
};
use uuid::Uuid;

use super::{CODE, EVENT, HOLD_MS, PHASE, PLAIN_SHOW, SHOW, USER};

/// A log in memory: each record with its time.
#[derive(Clone, Default)]
pub(super) struct Records(Vec<(u64, Vec<u8>)>);

impl LogReader for Records {
    fn bounds(&self, _partition: PartitionId) -> Result<(Offset, Offset), LogError> {
        Ok((0, self.0.len() as u64))
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
        for (offset, (time_ms, payload)) in self.0.iter().enumerate().skip(from).take(5) {
            into.push(offset as u64, *time_ms, payload);
        }
        Ok(())
    }
}

impl Records {
    /// Returns its offset.
    fn add(&mut self, time_ms: u64, command: Command) -> Offset {
        let offset = self.0.len() as u64;
        let envelope = Envelope {
            request_id: Some(RequestId(Uuid::from_u128(1_000 + u128::from(offset)))),
            idempotency: None,
            trace: None,
            command,
            by: None,
        };
        self.0.push((time_ms, codec::encode(&envelope).unwrap()));
        offset
    }

    fn order(&mut self, time_ms: u64, items: Vec<Item>) -> Offset {
        let order = ReserveV2 {
            show: SHOW,
            user: USER,
            items,
            code: Some(CODE),
            expected_total: None,
        };
        self.add(time_ms, Command::ReserveV2(order))
    }

    fn confirm(&mut self, time_ms: u64, booking: Offset) {
        let confirm = Confirm {
            booking,
            by: Actor::Buyer(USER),
            payment_reference: format!("pay-{booking}"),
        };
        let paid = ConfirmV2 {
            confirm,
            paid: None,
        };
        self.add(time_ms, Command::ConfirmV2(paid));
    }

    fn give_back(&mut self, booking: Offset, seats: &[SeatIndex], places: &[(u8, u32)]) {
        let command = ReturnPlaces {
            booking,
            seats: seats.into(),
            places: places.to_vec(),
        };
        self.add(2_000, Command::ReturnPlaces(command));
    }
}

fn general(quantity: u32) -> Item {
    Item {
        zone: 1,
        pick: PickV2::General { quantity },
        types: vec![(1, quantity)],
    }
}

fn seats(seats: &[SeatIndex], types: &[(u8, u32)]) -> Item {
    Item {
        zone: 0,
        pick: PickV2::Seats(seats.into()),
        types: types.to_vec(),
    }
}

fn offer() -> Offer {
    let ticket_type = |id| TicketType {
        id,
        min: 0,
        max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        code_only: false,
        kinds: 0,
    };
    let price = |zone: ZoneIndex, ticket_type, price| TypePrice {
        zone,
        ticket_type,
        price,
    };
    Offer {
        types: vec![ticket_type(1), ticket_type(2)],
        prices: vec![price(0, 1, 1_000), price(0, 2, 600), price(1, 1, 500)],
        phases: vec![Phase {
            id: PHASE,
            scope: Scope {
                zones: vec![1],
                types: 0,
            },
            from_ms: 0,
            until_ms: u64::MAX,
            places: 3,
            price: PhasePrice::Fixed(400),
        }],
        fees: Fees {
            place: 10,
            order: 50,
            ..Fees::default()
        },
        tax_bp: 700,
        ..Offer::default()
    }
}

fn opening(show: ShowId) -> OpenShowV2 {
    let zone = |admission| ZoneLayout {
        unit_price: 100,
        currency: Currency(*b"THB"),
        admission,
    };
    OpenShowV2 {
        show: OpenShow {
            show,
            event: EVENT,
            max_tickets_per_user: 0,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: u64::MAX >> 1,
            hold_ms: HOLD_MS,
            zones: vec![
                zone(Admission::Seated { rows: vec![8] }),
                zone(Admission::General { capacity: 50 }),
            ],
        },
        tenant: TenantId::from_bytes([7; 16]),
        cooldown_ms: 0,
    }
}

/// Orders in every state, and a plain booking that was returned in part.
pub(super) struct Told {
    pub(super) records: Records,
    pub(super) partly_returned: Offset,
    pub(super) plain: Offset,
    pub(super) wholly_returned: Offset,
    pub(super) expired: Offset,
    pub(super) held: Offset,
}

pub(super) fn told() -> Told {
    let mut records = Records::default();
    records.add(1_000, Command::Barrier { machine_version: 3 });
    let show = OpenShowV3 {
        show: opening(SHOW),
        plans: Vec::new(),
        companions_per_accessible: 0,
        offer: offer(),
    };
    records.add(1_000, Command::OpenShowV3(Box::new(show)));
    records.add(1_000, Command::OpenShowV2(opening(PLAIN_SHOW)));
    let codes = CreateCodes {
        show: SHOW,
        group: 1,
        terms: CodeTerms {
            discount: Some(Discount::OffBp(1_000)),
            presale: false,
            opens: false,
            uses_max: 0,
            uses_per_user_max: 0,
            places_max: 0,
            from_ms: 0,
            until_ms: u64::MAX,
            scope: Scope::default(),
        },
        codes: vec![CODE],
    };
    records.add(1_000, Command::CreateCodes(Box::new(codes)));
    let mixed = vec![seats(&[1, 0], &[(1, 1), (2, 1)]), general(2)];
    let partly_returned = records.order(1_000, mixed);
    records.confirm(1_500, partly_returned);
    records.give_back(partly_returned, &[0], &[(2, 1)]);
    let reserve = Reserve {
        show: PLAIN_SHOW,
        user: USER,
        zone: 1,
        pick: Pick::General { quantity: 3 },
        expected_unit_price: None,
    };
    let plain = records.add(2_000, Command::Reserve(reserve));
    records.confirm(2_000, plain);
    records.give_back(plain, &[], &[(0, 1)]);
    // The phase has room for two of three.
    let wholly_returned = records.order(2_000, vec![general(3)]);
    records.confirm(2_000, wholly_returned);
    records.give_back(wholly_returned, &[], &[(0, 2), (1, 1)]);
    let expired = records.order(3_000, vec![general(1), seats(&[5, 6], &[(1, 2)])]);
    let released = records.order(3_000, vec![seats(&[3], &[(2, 1)]), general(1)]);
    let release = Command::Release {
        booking: released,
        by: Actor::Buyer(USER),
    };
    records.add(3_000, release);
    let late_ms = 4_000 + u64::from(HOLD_MS);
    records.add(late_ms, Command::Tick { epoch: 0 });
    let held = records.order(late_ms, vec![seats(&[5], &[(1, 1)]), general(4)]);
    Told {
        records,
        partly_returned,
        plain,
        wholly_returned,
        expired,
        held,
    }
}
