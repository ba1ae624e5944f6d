//! The examples of `schemas/rules/version-3.md`, E1 to E38, and what their tests share.

use onsale_schemas::code::{CodeTerms, CreateCodes, Discount, EndedCodes};
use onsale_schemas::command::{
    Admission, AmendShow, ConfirmV2, Currency, OpenShow, OpenShowV2, SeatBlock, ZoneLayout,
};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, SetOffer, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::{Line, PlacesReturned, PriceRule, Reserved, ReservedV2};
use onsale_schemas::seating::{
    AddSeats, Addition, OpenShowV3, RowPlan, SeatKind, Special, ZonePlan,
};
use onsale_schemas::{CodeHash, Command, LogTimeMs, Outcome, Rejection, ZoneIndex};

use crate::limits::Limits;
use crate::testing::{Machine, event_id, show_id, tenant_id, user_id};

mod codes;
mod counts;
mod halls;
mod prices;
mod seats;
mod views;

pub(crate) const THB: Currency = Currency(*b"THB");

/// A general zone of a thousand places.
pub(crate) fn general(unit_price: i64) -> ZoneLayout {
    general_of(unit_price, 1_000)
}

pub(crate) fn general_of(unit_price: i64, capacity: u32) -> ZoneLayout {
    ZoneLayout {
        unit_price,
        currency: THB,
        admission: Admission::General { capacity },
    }
}

pub(crate) fn seated(rows: &[u16]) -> ZoneLayout {
    ZoneLayout {
        unit_price: 100,
        currency: THB,
        admission: Admission::Seated {
            rows: rows.to_vec(),
        },
    }
}

pub(crate) fn in_currency(currency: &[u8; 3], zone: ZoneLayout) -> ZoneLayout {
    ZoneLayout {
        currency: Currency(*currency),
        ..zone
    }
}

/// Show 1 of event 1 and tenant 10, on sale for ever, without a limit.
pub(crate) fn show_of(zones: Vec<ZoneLayout>) -> OpenShowV2 {
    OpenShowV2 {
        show: OpenShow {
            show: show_id(1),
            event: event_id(1),
            max_tickets_per_user: 0,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: u64::MAX,
            hold_ms: 600_000,
            zones,
        },
        tenant: tenant_id(10),
        cooldown_ms: 0,
    }
}

pub(crate) fn opening(
    zones: Vec<ZoneLayout>,
    plans: Vec<ZonePlan>,
    companions_per_accessible: u8,
    offer: Offer,
) -> Command {
    Command::OpenShowV3(Box::new(OpenShowV3 {
        show: show_of(zones),
        plans,
        companions_per_accessible,
        offer,
    }))
}

/// A machine at time 0 with the show.
pub(crate) fn start_with(
    zones: Vec<ZoneLayout>,
    plans: Vec<ZonePlan>,
    companions_per_accessible: u8,
    offer: Offer,
) -> Machine {
    let mut m = Machine::at(0);
    m.raise_to_third();
    m.run_ok(opening(zones, plans, companions_per_accessible, offer));
    m
}

pub(crate) fn start(zones: Vec<ZoneLayout>, offer: Offer) -> Machine {
    start_with(zones, vec![], 0, offer)
}

pub(crate) fn scope(zones: &[ZoneIndex], types: u64) -> Scope {
    Scope {
        zones: zones.to_vec(),
        types,
    }
}

pub(crate) fn phase(id: u8, places: u32, price: PhasePrice) -> Phase {
    Phase {
        id,
        scope: Scope::default(),
        from_ms: 0,
        until_ms: u64::MAX,
        places,
        price,
    }
}

pub(crate) fn bundle(id: u8, zones: &[ZoneIndex], places: u8, off_bp: u16) -> Bundle {
    Bundle {
        id,
        scope: scope(zones, 0),
        places,
        off_bp,
    }
}

pub(crate) fn ticket_type(id: u8) -> TicketType {
    TicketType {
        id,
        min: 0,
        max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        code_only: false,
        kinds: 0,
    }
}

pub(crate) fn type_price(zone: ZoneIndex, ticket_type: u8, price: i64) -> TypePrice {
    TypePrice {
        zone,
        ticket_type,
        price,
    }
}

pub(crate) fn terms(discount: Option<Discount>) -> CodeTerms {
    CodeTerms {
        discount,
        presale: false,
        opens: false,
        uses_max: 0,
        uses_per_user_max: 0,
        places_max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        scope: Scope::default(),
    }
}

pub(crate) fn code(n: u8) -> CodeHash {
    CodeHash::from_bytes([n; 16])
}

pub(crate) fn create(group: u32, terms: CodeTerms, codes: &[u8]) -> Command {
    Command::CreateCodes(Box::new(CreateCodes {
        show: show_id(1),
        group,
        terms,
        codes: codes.iter().copied().map(code).collect(),
    }))
}

pub(crate) fn end_code(n: u8) -> Command {
    Command::EndCodes {
        show: show_id(1),
        which: EndedCodes::Code(code(n)),
    }
}

pub(crate) fn places(zone: ZoneIndex, quantity: u32) -> Item {
    typed(zone, PickV2::General { quantity }, &[])
}

pub(crate) fn seats(zone: ZoneIndex, list: &[u32]) -> Item {
    typed(zone, PickV2::Seats(list.into()), &[])
}

pub(crate) fn best(zone: ZoneIndex, quantity: u32, together: bool, kind: SeatKind) -> Item {
    typed(
        zone,
        PickV2::BestAvailable {
            quantity,
            together,
            kind,
        },
        &[],
    )
}

pub(crate) fn typed(zone: ZoneIndex, pick: PickV2, types: &[(u8, u32)]) -> Item {
    Item {
        zone,
        pick,
        types: types.to_vec(),
    }
}

pub(crate) fn order(user: u32, items: &[Item], with: Option<u8>) -> Command {
    expecting(user, items, with, None)
}

pub(crate) fn expecting(
    user: u32,
    items: &[Item],
    with: Option<u8>,
    expected_total: Option<i64>,
) -> Command {
    Command::ReserveV2(ReserveV2 {
        show: show_id(1),
        user: user_id(user),
        items: items.to_vec(),
        code: with.map(code),
        expected_total,
    })
}

pub(crate) fn set_offer(offer: Offer) -> Command {
    Command::SetOffer(Box::new(SetOffer {
        show: show_id(1),
        offer,
    }))
}

pub(crate) fn give_back(booking: u64, seats: &[u32], places: &[(u8, u32)]) -> Command {
    Command::ReturnPlaces(ReturnPlaces {
        booking,
        seats: seats.into(),
        places: places.to_vec(),
    })
}

impl Machine {
    /// At a time.
    pub(crate) fn at(now: LogTimeMs) -> Self {
        let mut m = Self::with_limits(Limits {
            machine_version_known: 3,
            ..Limits::default()
        });
        m.now = now;
        m
    }

    /// Holds an order that is not plain.
    #[track_caller]
    pub(crate) fn hold(&mut self, command: Command) -> ReservedV2 {
        match self.run_ok(command) {
            Outcome::ReservedV2(reserved) => {
                self.partition.self_check().unwrap();
                *reserved
            }
            other => panic!("{other:?}"),
        }
    }

    /// Holds an order that is plain.
    #[track_caller]
    pub(crate) fn hold_plain(&mut self, command: Command) -> Reserved {
        match self.run_ok(command) {
            Outcome::Reserved(reserved) => {
                self.partition.self_check().unwrap();
                reserved
            }
            other => panic!("{other:?}"),
        }
    }

    /// The seats of an order, of any form.
    #[track_caller]
    pub(crate) fn seats_held(&mut self, command: Command) -> Vec<u32> {
        match self.run_ok(command) {
            Outcome::Reserved(reserved) => reserved.seats.to_vec(),
            Outcome::ReservedV2(reserved) => {
                let seats = reserved.lines.iter().flat_map(|line| line.seats.iter());
                seats.copied().collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn returned(&mut self, command: Command) -> PlacesReturned {
        match self.run_ok(command) {
            Outcome::PlacesReturned(returned) => {
                self.partition.self_check().unwrap();
                *returned
            }
            other => panic!("{other:?}"),
        }
    }
}

/// (places, unit price, rule) of every line.
pub(crate) fn rules(lines: &[Line]) -> Vec<(u32, i64, PriceRule)> {
    lines
        .iter()
        .map(|line| (line.quantity, line.unit_price, line.rule))
        .collect()
}

/// (places, unit price) of every line.
pub(crate) fn prices_of(lines: &[Line]) -> Vec<(u32, i64)> {
    lines
        .iter()
        .map(|line| (line.quantity, line.unit_price))
        .collect()
}

/// The show of E5: adults and children, a bundle, a code for adults, fees and tax.
pub(crate) fn e5() -> Machine {
    let offer = Offer {
        types: vec![ticket_type(1), ticket_type(2)],
        prices: vec![type_price(0, 1, 120_000), type_price(0, 2, 60_000)],
        bundles: vec![bundle(1, &[], 3, 1_000)],
        fees: Fees {
            place: 2_000,
            place_bp: 300,
            order: 1_500,
            tax_bp: 700,
        },
        tax_bp: 700,
        ..Offer::default()
    };
    let mut m = start(vec![general(1)], offer);
    let for_adults = CodeTerms {
        scope: scope(&[], 1 << 1),
        ..terms(Some(Discount::OffBp(1_500)))
    };
    m.run_ok(create(1, for_adults, &[7]));
    m
}

pub(crate) fn e5_order() -> Command {
    let family = typed(0, PickV2::General { quantity: 3 }, &[(1, 2), (2, 1)]);
    order(1, &[family], Some(7))
}
