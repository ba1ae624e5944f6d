//! Orders of several zones and ticket types, decided by the machine itself.

mod explained;
mod granted;
mod input;
mod live;
mod refused;
mod returned;

use onsale_schemas::code::{CodeTerms, CreateCodes};
use onsale_schemas::command::{Admission, Confirm, OpenShow, OpenShowV2, ZoneLayout};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::seating::{OpenShowV3, RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{Actor, BookingId, CodeHash, Command, Outcome, PartitionId, ShowId, TenantId};
use onsale_store::catalog::{
    ChartRow, Named, OfferRow, RowSeats, ShowRow, TypeName, ZoneAdmission, ZoneRow,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{BUYER, EVENT, NOW_MS, Reply, SHOW, World, show};

/// A show with an offer; [`SHOW`] is one without.
const OFFERED: ShowId = ShowId::from_bytes([0x51; 16]);
/// Rows A and B of 8 at 100,000: seats 0 to 15. B-1 is accessible, B-2 and B-3 are companion seats.
const PIT: Uuid = Uuid::from_u128(0x10);
/// 10 places at 50,000; the first three at 40,000.
const STANDING: Uuid = Uuid::from_u128(0x11);
/// Row A of 8 at 120,000, in which no single seat may be left: seats 16 to 23.
const CIRCLE: Uuid = Uuid::from_u128(0x12);

const CHILD: u8 = 1;
const WHEELCHAIR: u8 = 2;
const MEMBER: u8 = 3;
const LATE: u8 = 4;
const HOUR_MS: u64 = 3_600_000;

fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "THB"})
}

/// A type for everybody at any time.
fn ticket_type(id: u8) -> TicketType {
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

fn offer() -> Offer {
    let price = |zone, ticket_type, price| TypePrice {
        zone,
        ticket_type,
        price,
    };
    Offer {
        types: vec![
            ticket_type(0),
            TicketType {
                max: 3,
                ..ticket_type(CHILD)
            },
            TicketType {
                kinds: 0b010,
                ..ticket_type(WHEELCHAIR)
            },
            TicketType {
                code_only: true,
                ..ticket_type(MEMBER)
            },
            TicketType {
                from_ms: NOW_MS + HOUR_MS,
                ..ticket_type(LATE)
            },
        ],
        prices: vec![
            price(0, CHILD, 60_000),
            price(0, WHEELCHAIR, 80_000),
            price(0, MEMBER, 70_000),
            price(0, LATE, 90_000),
            price(1, CHILD, 25_000),
        ],
        phases: vec![Phase {
            id: 1,
            scope: Scope {
                zones: vec![1],
                types: 1,
            },
            from_ms: 0,
            until_ms: u64::MAX,
            places: 3,
            price: PhasePrice::Fixed(40_000),
        }],
        bundles: vec![Bundle {
            id: 1,
            scope: Scope {
                zones: Vec::new(),
                types: 1 << CHILD,
            },
            places: 3,
            off_bp: 1_000,
        }],
        fees: Fees {
            place: 2_000,
            place_bp: 0,
            order: 1_500,
            tax_bp: 700,
        },
        tax_bp: 700,
        zones: vec![ZoneRule {
            zone: 2,
            no_single_seats: true,
            code_only: false,
        }],
    }
}

fn names() -> OfferRow {
    let name = |id, name: &str| TypeName {
        id,
        name: name.to_owned(),
        description: None,
        is_hidden: false,
    };
    let named = |name: &str| Named {
        id: 1,
        name: name.to_owned(),
    };
    OfferRow {
        offer: offer(),
        types: vec![
            name(0, "Standard"),
            name(CHILD, "Child"),
            name(WHEELCHAIR, "Wheelchair"),
            name(MEMBER, "Member"),
            name(LATE, "Late"),
        ],
        phases: vec![named("Early bird")],
        bundles: vec![named("Family")],
        tax_rates: Vec::new(),
    }
}

fn row() -> ShowRow {
    let zone = |index, zone_id, name: &str, unit_price, admission| ZoneRow {
        zone_id,
        index,
        name: name.to_owned(),
        unit_price,
        currency: "THB".to_owned(),
        admission,
        growth: onsale_store::catalog::Growth::default(),
    };
    let rows = |names: &[&str]| ZoneAdmission::Seated {
        rows: names
            .iter()
            .map(|name| ChartRow {
                name: (*name).to_owned(),
                seats: RowSeats::Count(8),
                plan: onsale_schemas::seating::RowPlan::default(),
            })
            .collect(),
    };
    ShowRow {
        show_id: OFFERED,
        companions_per_accessible: 1,
        offer: Some(names()),
        zones: vec![
            zone(0, PIT, "Pit", 100_000, rows(&["A", "B"])),
            zone(
                1,
                STANDING,
                "Standing",
                50_000,
                ZoneAdmission::General { capacity: 10 },
            ),
            zone(2, CIRCLE, "Circle", 120_000, rows(&["A"])),
        ],
        ..show()
    }
}

fn opening(of: &ShowRow) -> OpenShowV2 {
    let layout = |zone: &ZoneRow| ZoneLayout {
        unit_price: zone.unit_price,
        currency: zone.currency.parse().unwrap(),
        admission: match &zone.admission {
            ZoneAdmission::General { capacity } => Admission::General {
                capacity: *capacity,
            },
            ZoneAdmission::Seated { rows } => Admission::Seated {
                rows: rows
                    .iter()
                    .map(|row| match &row.seats {
                        RowSeats::Count(count) => *count,
                        RowSeats::Labels(labels) => u16::try_from(labels.len()).unwrap(),
                    })
                    .collect(),
            },
        },
    };
    OpenShowV2 {
        show: OpenShow {
            show: of.show_id,
            event: EVENT,
            max_tickets_per_user: 0,
            sale_opens_at_ms: of.sale_opens_at_ms,
            sale_closes_at_ms: of.sale_closes_at_ms,
            hold_ms: of.hold_ms,
            zones: of.zones.iter().map(layout).collect(),
        },
        tenant: TenantId(Uuid::from_u128(7)),
        cooldown_ms: 0,
    }
}

/// A world in which both shows are on sale, and the machine decides.
async fn world() -> World {
    let world = World::deciding().await;
    let offered = row();
    world.store.add_show(&offered).await.unwrap();
    let special = |first, count, kind| Special { first, count, kind };
    let accessible = RowPlan {
        special: vec![
            special(0, 1, SeatKind::Accessible),
            special(1, 2, SeatKind::Companion),
        ],
        ..RowPlan::default()
    };
    let open = OpenShowV3 {
        show: opening(&offered),
        plans: vec![ZonePlan {
            zone: 0,
            rows: vec![RowPlan::default(), accessible],
        }],
        companions_per_accessible: 1,
        offer: offer(),
    };
    for command in [
        Command::OpenShowV2(opening(&show())),
        Command::OpenShowV3(Box::new(open)),
    ] {
        let opened = world.log.machine(|machine| machine.tell(command));
        assert!(matches!(opened, Outcome::ShowOpened { .. }), "{opened:?}");
    }
    world
}

/// Asks for items of the show with an offer, and whatever else the body says.
async fn order(world: &World, items: Value, more: Value) -> Reply {
    let mut body = json!({"show_id": OFFERED, "items": items});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.reserve(body).send().await
}

fn no_more() -> Value {
    json!({})
}

/// What the log calls a code that the buyer types.
async fn hash_of(world: &World, typed: &str) -> CodeHash {
    let items = json!([{"zone_id": STANDING, "quantity": 1}]);
    let reply = order(world, items, json!({"code": typed})).await;
    assert_eq!(reply.error(409, "CODE_REFUSED")["reason"], "unknown");
    let Command::ReserveV2(asked) = world.log.last().command else {
        panic!("not an order")
    };
    asked.code.unwrap()
}

/// Lets a code count on these terms.
async fn create_code(world: &World, typed: &str, group: u32, terms: CodeTerms) {
    let codes = vec![hash_of(world, typed).await];
    let create = Command::CreateCodes(Box::new(CreateCodes {
        show: OFFERED,
        group,
        terms,
        codes,
    }));
    let created = world.log.machine(|machine| machine.tell(create));
    assert!(
        matches!(created, Outcome::CodesCreated { created: 1, .. }),
        "{created:?}"
    );
}

/// Terms of a code that does nothing yet.
fn terms() -> CodeTerms {
    CodeTerms {
        discount: None,
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

/// The booking of an answer.
fn booking_of(data: &Value) -> BookingId {
    let offset = data["position"]["offset"].as_u64().unwrap();
    BookingId::new(PartitionId(0), offset)
}

/// Pays for a booking.
fn pay(world: &World, booking: BookingId) {
    let confirm = Command::Confirm(Confirm {
        booking: booking.offset(),
        by: Actor::Staff,
        payment_reference: format!("paid-{}", booking.offset()),
    });
    let confirmed = world.log.machine(|machine| machine.tell(confirm));
    assert!(
        matches!(confirmed, Outcome::Confirmed(_) | Outcome::ConfirmedV2(_)),
        "{confirmed:?}"
    );
}
