use onsale_schemas::offer::{Bundle, Phase, TicketType, TypePrice, ZoneRule};

use super::*;

const THB: Currency = Currency(*b"THB");

fn everything() -> Offer {
    let known = |id| TicketType {
        id,
        min: 2,
        max: 2,
        from_ms: 0,
        until_ms: 1,
        code_only: false,
        kinds: 7,
    };
    let scope = || Scope {
        zones: vec![0, 1],
        types: u64::MAX,
    };
    let phase = |id| Phase {
        id,
        scope: scope(),
        from_ms: 0,
        until_ms: u64::MAX,
        places: 0,
        price: PhasePrice::Fixed(0),
    };
    let bundle = |id| Bundle {
        id,
        scope: scope(),
        places: 100,
        off_bp: 10_000,
    };
    let price = |zone, ticket_type| TypePrice {
        zone,
        ticket_type,
        price: UNIT_PRICE_MAX_MINOR,
    };
    Offer {
        types: vec![known(0), known(63)],
        prices: vec![price(0, 0), price(0, 63), price(1, 0)],
        phases: vec![phase(255), phase(0)],
        bundles: vec![bundle(255), bundle(0)],
        fees: onsale_schemas::offer::Fees {
            place: UNIT_PRICE_MAX_MINOR,
            place_bp: 10_000,
            order: UNIT_PRICE_MAX_MINOR,
            tax_bp: 10_000,
        },
        tax_bp: 10_000,
        zones: vec![ZoneRule {
            zone: 1,
            no_single_seats: true,
            code_only: false,
        }],
    }
}

#[test]
fn every_rule_of_an_offer_is_kept() {
    assert!(is_offer_valid(&everything(), &[THB, THB]));
    type Change = fn(&mut Offer);
    let faults: &[(&str, Change)] = &[
        ("type 64", |o| o.types[1].id = 64),
        ("a type twice", |o| o.types[1].id = 0),
        ("max below min", |o| o.types[0].max = 1),
        ("kinds", |o| o.types[0].kinds = 8),
        ("window of a type", |o| o.types[0].from_ms = 1),
        ("price of an unlisted type", |o| {
            o.prices[1].ticket_type = 62
        }),
        ("price of an unknown zone", |o| o.prices[2].zone = 2),
        ("prices out of order", |o| o.prices.swap(0, 1)),
        ("negative price", |o| o.prices[0].price = -1),
        ("price beyond the highest", |o| o.prices[0].price += 1),
        ("a phase twice", |o| o.phases[0].id = 0),
        ("window of a phase", |o| o.phases[0].until_ms = 0),
        ("scope out of order", |o| {
            o.phases[0].scope.zones = vec![1, 0]
        }),
        ("scope of an unknown zone", |o| {
            o.phases[0].scope.zones = vec![2]
        }),
        ("fixed price", |o| o.phases[0].price = PhasePrice::Fixed(-1)),
        ("nothing off", |o| o.phases[0].price = PhasePrice::OffBp(0)),
        ("more than all off", |o| {
            o.phases[0].price = PhasePrice::OffBp(10_001)
        }),
        ("a bundle twice", |o| o.bundles[0].id = 0),
        ("a bundle of one", |o| o.bundles[0].places = 1),
        ("a bundle of 101", |o| o.bundles[0].places = 101),
        ("bundle with nothing off", |o| o.bundles[0].off_bp = 0),
        ("bundle with more than all off", |o| {
            o.bundles[0].off_bp = 10_001
        }),
        ("scope of a bundle", |o| o.bundles[0].scope.zones = vec![7]),
        ("fee", |o| o.fees.place = -1),
        ("order fee", |o| o.fees.order += 1),
        ("part as fee", |o| o.fees.place_bp += 1),
        ("tax of fees", |o| o.fees.tax_bp += 1),
        ("tax", |o| o.tax_bp += 1),
        ("rule of an unknown zone", |o| o.zones[0].zone = 2),
        ("a rule twice", |o| o.zones.push(o.zones[0])),
        ("too many types", |o| o.types = vec![o.types[0]; 65]),
        ("too many prices", |o| o.prices = vec![o.prices[0]; 4_097]),
        ("too many phases", |o| {
            o.phases = (0..33)
                .map(|id| Phase {
                    id,
                    ..o.phases[0].clone()
                })
                .collect();
        }),
        ("too many bundles", |o| {
            o.bundles = (0..17)
                .map(|id| Bundle {
                    id,
                    ..o.bundles[0].clone()
                })
                .collect();
        }),
    ];
    for (what, change) in faults {
        let mut offer = everything();
        change(&mut offer);
        assert!(!is_offer_valid(&offer, &[THB, THB]), "{what}");
    }
}

#[test]
fn an_offer_is_of_one_currency_unless_it_is_empty() {
    let mixed = [THB, Currency(*b"USD")];
    assert!(is_offer_valid(&Offer::default(), &mixed));
    let offer = Offer {
        tax_bp: 1,
        ..Offer::default()
    };
    assert!(!is_offer_valid(&offer, &mixed));
    assert!(is_offer_valid(&offer, &[THB; 2]));
}

#[test]
fn without_types_prices_are_of_type_0() {
    let offer = |ticket_type| Offer {
        prices: vec![TypePrice {
            zone: 0,
            ticket_type,
            price: 1,
        }],
        ..Offer::default()
    };
    assert!(is_offer_valid(&offer(0), &[THB]));
    assert!(!is_offer_valid(&offer(1), &[THB]));
}
