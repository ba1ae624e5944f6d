//! The worked examples of version 3 of the rules, by their numbers.

mod codes;
mod commands;
mod halls;
mod order;
mod phases;
mod prices;
mod returns;

use onsale_schemas::code::{CodeTerms, CreateCodes, Discount};
use onsale_schemas::command::OpenShowV2;
use onsale_schemas::command::{
    Actor, Admission, Confirm, ConfirmV2, Currency, OpenShow, ZoneLayout,
};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::outcome::{Line, PriceRule, ReservedV2};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::seating::{OpenShowV3, RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{
    CodeHash, Command, EventId, Offset, Outcome, Rejection, SeatIndex, SeatList, TenantId,
    TicketTypeId, ZoneIndex,
};

use super::testing::{Script, limits, seats, show_id, user};
use super::{Model, ModelLimits};

const HOLD_MS: u32 = 600_000;
const SHOW: u8 = 2;

/// A machine at version 3.
fn machine(limits: ModelLimits) -> Script {
    let mut script = Script::with(ModelLimits {
        machine_version_known: 3,
        ..limits
    });
    script.machine(Command::Barrier { machine_version: 3 });
    script
}

fn zone(price: i64, currency: &[u8; 3], admission: Admission) -> ZoneLayout {
    ZoneLayout {
        unit_price: price,
        currency: Currency(*currency),
        admission,
    }
}

fn general(price: i64, currency: &[u8; 3]) -> ZoneLayout {
    zone(price, currency, Admission::General { capacity: 1_000 })
}

fn seated(rows: &[u16]) -> ZoneLayout {
    let rows = rows.to_vec();
    zone(1_000, b"THB", Admission::Seated { rows })
}

fn opening(zones: Vec<ZoneLayout>, offer: Offer) -> OpenShowV3 {
    OpenShowV3 {
        show: OpenShowV2 {
            show: OpenShow {
                show: show_id(SHOW),
                event: EventId::from_bytes([SHOW; 16]),
                max_tickets_per_user: 0,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: u64::MAX,
                hold_ms: HOLD_MS,
                zones,
            },
            tenant: TenantId::from_bytes([9; 16]),
            cooldown_ms: 0,
        },
        plans: Vec::new(),
        companions_per_accessible: 0,
        offer,
    }
}

/// A machine with this show.
fn house(open: OpenShowV3) -> Script {
    let mut script = machine(limits());
    let outcome = script.run(Command::OpenShowV3(Box::new(open)));
    assert!(matches!(outcome, Outcome::ShowOpened { .. }), "{outcome:?}");
    script
}

fn all() -> Scope {
    Scope::default()
}

fn phase(id: u8, places: u32, price: PhasePrice) -> Phase {
    Phase {
        id,
        scope: all(),
        from_ms: 0,
        until_ms: u64::MAX,
        places,
        price,
    }
}

fn bundle(id: u8, places: u8, off_bp: u16) -> Bundle {
    Bundle {
        id,
        scope: all(),
        places,
        off_bp,
    }
}

fn ticket_type(id: TicketTypeId) -> TicketType {
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

fn price_of(ticket_type: TicketTypeId, price: i64) -> TypePrice {
    TypePrice {
        zone: 0,
        ticket_type,
        price,
    }
}

fn terms(discount: Option<Discount>) -> CodeTerms {
    CodeTerms {
        discount,
        presale: false,
        opens: false,
        uses_max: 0,
        uses_per_user_max: 0,
        places_max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        scope: all(),
    }
}

fn code(n: u8) -> CodeHash {
    CodeHash::from_bytes([n; 16])
}

/// Gives the show code 1.
fn with_code(script: &mut Script, terms: CodeTerms) {
    let outcome = script.run(Command::CreateCodes(Box::new(CreateCodes {
        show: show_id(SHOW),
        group: 1,
        terms,
        codes: vec![code(1)],
    })));
    assert!(
        matches!(outcome, Outcome::CodesCreated { created: 1, .. }),
        "{outcome:?}"
    );
}

fn item(zone: ZoneIndex, pick: PickV2, types: &[(TicketTypeId, u32)]) -> Item {
    Item {
        zone,
        pick,
        types: types.to_vec(),
    }
}

fn places(zone: ZoneIndex, quantity: u32) -> Item {
    item(zone, PickV2::General { quantity }, &[])
}

fn typed(types: &[(TicketTypeId, u32)]) -> Item {
    let quantity = types.iter().map(|(_, count)| count).sum();
    item(0, PickV2::General { quantity }, types)
}

fn named(list: &[SeatIndex]) -> Item {
    item(0, PickV2::Seats(seats(list)), &[])
}

fn best(quantity: u32, kind: SeatKind) -> Item {
    let pick = PickV2::BestAvailable {
        quantity,
        together: true,
        kind,
    };
    item(0, pick, &[])
}

fn ask(by: u8, items: Vec<Item>, code: Option<CodeHash>) -> ReserveV2 {
    ReserveV2 {
        show: show_id(SHOW),
        user: user(by),
        items,
        code,
        expected_total: None,
    }
}

fn order(script: &mut Script, by: u8, items: Vec<Item>, code: Option<CodeHash>) -> Outcome {
    script.run(Command::ReserveV2(ask(by, items, code)))
}

/// An order that is not plain.
fn held(script: &mut Script, by: u8, items: Vec<Item>, code: Option<CodeHash>) -> ReservedV2 {
    match order(script, by, items, code) {
        Outcome::ReservedV2(reserved) => {
            assert_sums(&reserved);
            *reserved
        }
        other => panic!("{other:?}"),
    }
}

/// Any order: its booking and its total.
fn granted(script: &mut Script, by: u8, items: Vec<Item>, code: Option<CodeHash>) -> (Offset, i64) {
    match order(script, by, items, code) {
        Outcome::Reserved(plain) => (plain.booking, plain.unit_price * i64::from(plain.quantity)),
        Outcome::ReservedV2(reserved) => (reserved.booking, reserved.total),
        other => panic!("{other:?}"),
    }
}

/// The seats that an order gets.
fn seated_at(script: &mut Script, by: u8, items: Vec<Item>) -> Vec<SeatIndex> {
    match order(script, by, items, None) {
        Outcome::Reserved(plain) => plain.seats.to_vec(),
        Outcome::ReservedV2(reserved) => {
            let lines = reserved.lines.iter();
            lines.flat_map(|line| line.seats.to_vec()).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn refused(rejection: Rejection) -> Outcome {
    Outcome::Rejected(rejection)
}

fn code_refused(why: CodeRefusal) -> Outcome {
    refused(Rejection::CodeRefused { why })
}

fn assert_sums(reserved: &ReservedV2) {
    let total: i64 = reserved
        .lines
        .iter()
        .map(|line| i64::from(line.quantity) * (line.unit_price + line.unit_fee))
        .sum();
    let tax: i64 = reserved
        .lines
        .iter()
        .map(|line| i64::from(line.quantity) * line.unit_tax)
        .sum();
    assert_eq!(reserved.total, total + reserved.order_fee);
    assert_eq!(reserved.tax, tax + reserved.order_fee_tax);
}

/// Quantity, rule and unit price of each line.
fn short(lines: &[Line]) -> Vec<(u32, PriceRule, i64)> {
    lines
        .iter()
        .map(|line| (line.quantity, line.rule, line.unit_price))
        .collect()
}

/// Quantity, list price, bundle, code, unit price, fee and tax of each line.
fn amounts(lines: &[Line]) -> Vec<(u32, [i64; 6])> {
    lines
        .iter()
        .map(|line| {
            let amounts = [
                line.list_price,
                line.bundle_off,
                line.code_off,
                line.unit_price,
                line.unit_fee,
                line.unit_tax,
            ];
            (line.quantity, amounts)
        })
        .collect()
}

fn pay(booking: Offset, paid: Option<i64>) -> Command {
    Command::ConfirmV2(ConfirmV2 {
        confirm: Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: "p".to_owned(),
        },
        paid: paid.map(|sum| (sum, Currency(*b"THB"))),
    })
}

/// Live bookings of the show, as the model has them.
fn live(model: &Model) -> usize {
    let bookings = model.live_bookings();
    bookings.filter(|b| b.show == show_id(SHOW)).count()
}

/// Adult, child, a bundle, a code for adults, all fees and taxes: example 5.
fn family() -> Script {
    let offer = Offer {
        types: vec![ticket_type(1), ticket_type(2)],
        prices: vec![price_of(1, 120_000), price_of(2, 60_000)],
        bundles: vec![bundle(1, 3, 1_000)],
        fees: Fees {
            place: 2_000,
            place_bp: 300,
            order: 1_500,
            tax_bp: 700,
        },
        tax_bp: 700,
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(99_000, b"THB")], offer));
    let mut terms = terms(Some(Discount::OffBp(1_500)));
    terms.scope.types = 1 << 1;
    with_code(&mut script, terms);
    script
}
