use onsale_schemas::command::Currency;
use onsale_schemas::offer::{Bundle, Fees, Phase, Scope, TicketType, TypePrice};

use super::*;
use crate::{is_plain, lines, totals};

const THB: Currency = Currency(*b"THB");

fn run(zone: ZoneIndex, ticket_type: TicketTypeId, quantity: u32) -> Asked {
    Asked {
        zone,
        ticket_type,
        quantity,
    }
}

fn phase(id: u8, places: u32, price: PhasePrice) -> Phase {
    Phase {
        id,
        scope: Scope::default(),
        from_ms: 1_000,
        until_ms: 2_000,
        places,
        price,
    }
}

fn terms(discount: Discount, places_max: u8) -> CodeTerms {
    CodeTerms {
        discount: Some(discount),
        presale: false,
        opens: false,
        uses_max: 0,
        uses_per_user_max: 0,
        places_max,
        from_ms: 0,
        until_ms: u64::MAX,
        scope: Scope::default(),
    }
}

/// Prices of places in an order, with phases that have so many live places each.
fn prices_at(offer: &Offer, code: Option<&CodeTerms>, live: u32, now: u64) -> Option<OrderPrice> {
    let basis = Basis {
        offer,
        unit_prices: &[1_000, 500],
        phase_places: &|_| live,
        code,
        now,
    };
    price(&basis, &[run(0, 0, 2), run(1, 0, 2)])
}

fn units(order: &OrderPrice) -> Vec<i64> {
    order.places.iter().map(|place| place.unit_price).collect()
}

#[test]
fn rounds_half_up() {
    for (a, b, expected) in [
        (0, 7, 0),
        (1, 2, 1),
        (1, 3, 0),
        (2, 3, 1),
        (5, 10, 1),
        (4, 10, 0),
    ] {
        assert_eq!(round(a, b), expected, "{a} / {b}");
    }
    assert_eq!(
        (off(1_005, 1_500), off(30, 500), off(7, 10_000)),
        (854, 29, 0)
    );
    assert_eq!((tax_in(107, 700), tax_in(854, 1_000)), (7, 78));
}

#[test]
fn the_first_phase_with_room_counts() {
    let offer = Offer {
        phases: vec![
            phase(9, 3, PhasePrice::Fixed(2_000)),
            phase(1, 0, PhasePrice::OffBp(5_000)),
        ],
        ..Offer::default()
    };
    let cases: [(u32, u64, [i64; 4]); 6] = [
        (0, 999, [1_000, 1_000, 500, 500]),
        (0, 1_000, [2_000, 2_000, 2_000, 250]),
        (2, 1_000, [2_000, 500, 250, 250]),
        (3, 1_999, [500, 500, 250, 250]),
        (u32::MAX, 1_999, [500, 500, 250, 250]),
        (0, 2_000, [1_000, 1_000, 500, 500]),
    ];
    for (live, now, expected) in cases {
        let order = prices_at(&offer, None, live, now).unwrap();
        assert_eq!(units(&order), expected, "{live} live at {now}");
    }
}

#[test]
fn scopes_are_of_zones_and_types() {
    let in_zone_1 = Scope {
        zones: vec![1],
        types: 0,
    };
    let offer = Offer {
        bundles: vec![Bundle {
            id: 4,
            scope: in_zone_1.clone(),
            places: 2,
            off_bp: 1_000,
        }],
        ..Offer::default()
    };
    let order = prices_at(&offer, None, 0, 0).unwrap();
    assert_eq!(units(&order), [1_000, 1_000, 450, 450]);
    let code = CodeTerms {
        scope: in_zone_1,
        ..terms(Discount::Amount(451, THB), 1)
    };
    let order = prices_at(&offer, Some(&code), 0, 0).unwrap();
    assert_eq!(units(&order), [1_000, 1_000, 0, 450]);
    assert_eq!(order.places[2].code_off, 450);
    assert!(crate::has(&Scope::default(), 7, 63));
    let type_63 = Scope {
        zones: vec![],
        types: 1 << 63,
    };
    assert!(crate::has(&type_63, 7, 63));
    assert!(!crate::has(&type_63, 7, 62) && !crate::has(&type_63, 7, 64));
}

#[test]
fn a_type_that_is_not_offered_has_no_price() {
    let known = |id| TicketType {
        id,
        min: 0,
        max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        code_only: false,
        kinds: 0,
    };
    let offer = Offer {
        types: vec![known(1), known(5)],
        prices: vec![TypePrice {
            zone: 1,
            ticket_type: 5,
            price: 7,
        }],
        ..Offer::default()
    };
    let of = |zone, id| list_price(&offer, &[1_000, 500], zone, id);
    // Type 0 is not listed, type 1 has no price, type 5 has one in zone 1 only.
    assert_eq!([of(0, 0), of(0, 1), of(0, 5)], [None; 3]);
    assert_eq!(of(1, 5), Some((PriceRule::Type, 7)));
    assert_eq!(prices_at(&offer, None, 0, 0), None);
    let none = Offer::default();
    assert_eq!(list_price(&none, &[3], 0, 0), Some((PriceRule::Zone, 3)));
    assert_eq!(list_price(&none, &[3], 0, 1), None);
    assert_eq!(list_price(&none, &[3], 1, 0), None);
}

#[test]
fn a_fee_is_on_top_of_what_is_not_free() {
    let offer = Offer {
        fees: Fees {
            place: 10,
            place_bp: 100,
            order: 33,
            tax_bp: 1_000,
        },
        tax_bp: 2_000,
        ..Offer::default()
    };
    let code = terms(Discount::OffBp(10_000), 3);
    let order = prices_at(&offer, Some(&code), 0, 0).unwrap();
    assert_eq!(units(&order), [0, 0, 0, 500]);
    assert_eq!(
        (order.places[3].unit_fee, order.places[3].unit_tax),
        (15, 83 + 1)
    );
    assert_eq!((order.order_fee, order.order_fee_tax), (33, 3));
    assert_eq!((order.total, order.tax), (500 + 15 + 33, 84 + 3));
    let free = terms(Discount::OffBp(10_000), 0);
    let order = prices_at(&offer, Some(&free), 0, 0).unwrap();
    assert_eq!((order.order_fee, order.total, order.tax), (0, 0, 0));
}

#[test]
fn equal_places_are_one_line_wherever_they_stand() {
    let offer = Offer::default();
    let basis = Basis {
        offer: &offer,
        unit_prices: &[9, 9],
        phase_places: &|_| 0,
        code: None,
        now: 0,
    };
    let asked = [run(0, 0, 2), run(1, 0, 1), run(0, 0, 1)];
    let order = price(&basis, &asked).unwrap();
    let made = lines(&order, &[Some(4), Some(3), None, Some(8)]);
    let told: Vec<_> = made
        .iter()
        .map(|line| (line.zone, line.quantity, line.seats.to_vec()))
        .collect();
    assert_eq!(told, [(0, 3, vec![4, 3, 8]), (1, 1, vec![])]);
    assert_eq!(totals(&made, 5, 1), (4 * 9 + 5, 1));
    assert!(!is_plain(&made, 0));
    assert!(is_plain(&made[..1], 0));
    assert!(!is_plain(&made[..1], 1));
}
