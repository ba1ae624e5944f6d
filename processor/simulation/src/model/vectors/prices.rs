use super::*;
use crate::model::testing::{general as places_of, rejected, show_of};
use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::offer::SetOffer;
use onsale_schemas::rejection::InvalidReason;

#[test]
fn e1_an_order_without_anything_new_is_plain() {
    let mut script = house(opening(vec![general(250_000, b"THB")], Offer::default()));
    let by_new = order(&mut script, 1, vec![places(0, 2)], None);
    let Outcome::Reserved(new) = by_new else {
        panic!("{by_new:?}")
    };
    assert_eq!((new.quantity, new.unit_price), (2, 250_000));
    let by_old = script.run(Command::Reserve(Reserve {
        show: show_id(SHOW),
        user: user(1),
        zone: 0,
        pick: Pick::General { quantity: 2 },
        expected_unit_price: None,
    }));
    let Outcome::Reserved(old) = by_old else {
        panic!("{by_old:?}")
    };
    assert_eq!(new.booking + 1, old.booking);
    assert_eq!(
        (new.seats, new.currency, new.expires_at_ms),
        (old.seats, old.currency, old.expires_at_ms)
    );
}

#[test]
fn e4_is_rounded_by_place() {
    let offer = Offer {
        bundles: vec![bundle(1, 3, 1_000)],
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(333, b"JPY")], offer));
    let three = held(&mut script, 1, vec![places(0, 3)], None);
    assert_eq!(amounts(&three.lines), [(3, [333, 33, 0, 300, 0, 0])]);
    assert_eq!((three.total, three.lines[0].bundle), (900, Some(1)));
    let two = order(&mut script, 1, vec![places(0, 2)], None);
    assert!(matches!(two, Outcome::Reserved(plain) if plain.unit_price == 333));
}

#[test]
fn e5_everything_at_once() {
    let mut script = family();
    let reserved = held(
        &mut script,
        1,
        vec![typed(&[(1, 2), (2, 1)])],
        Some(code(1)),
    );
    assert_eq!(
        amounts(&reserved.lines),
        [
            (2, [120_000, 12_000, 16_200, 91_800, 4_754, 6_317]),
            (1, [60_000, 6_000, 0, 54_000, 3_620, 3_770]),
        ]
    );
    assert_eq!((reserved.order_fee, reserved.order_fee_tax), (1_500, 98));
    assert_eq!((reserved.total, reserved.tax), (252_228, 16_502));
    assert_eq!(reserved.code, Some(code(1)));
    assert!(
        reserved
            .lines
            .iter()
            .all(|line| line.rule == PriceRule::Type)
    );
}

#[test]
fn e6_half_goes_up() {
    let offer = Offer {
        fees: Fees {
            place_bp: 350,
            tax_bp: 1_000,
            ..Fees::default()
        },
        tax_bp: 1_000,
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(1_005, b"JPY")], offer));
    with_code(&mut script, terms(Some(Discount::OffBp(1_500))));
    let reserved = held(&mut script, 1, vec![places(0, 3)], Some(code(1)));
    assert_eq!(
        amounts(&reserved.lines),
        [(3, [1_005, 0, 151, 854, 30, 81])]
    );
    assert_eq!((reserved.total, reserved.tax), (2_652, 243));
}

#[test]
fn e7_a_code_for_the_first_places() {
    let offer = Offer {
        fees: Fees {
            place: 250,
            tax_bp: 500,
            ..Fees::default()
        },
        tax_bp: 500,
        ..Offer::default()
    };
    let zones = vec![general(12_345, b"KWD"), general(7_005, b"KWD")];
    let mut script = house(opening(zones, offer));
    let mut terms = terms(Some(Discount::OffBp(1_250)));
    terms.places_max = 2;
    with_code(&mut script, terms);
    let items = vec![places(0, 2), places(1, 1)];
    let reserved = held(&mut script, 1, items, Some(code(1)));
    assert_eq!(
        amounts(&reserved.lines),
        [
            (2, [12_345, 0, 1_543, 10_802, 250, 526]),
            (1, [7_005, 0, 0, 7_005, 250, 346]),
        ]
    );
    assert_eq!((reserved.total, reserved.tax), (29_359, 1_398));
}

fn fees_of_8(tax_bp: u16) -> Fees {
    Fees {
        place: 300,
        place_bp: 500,
        order: 900,
        tax_bp,
    }
}

#[test]
fn e8_what_is_free_bears_no_fee() {
    let offer = Offer {
        fees: fees_of_8(0),
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(5_000, b"THB")], offer));
    let amount = Discount::Amount(6_000, Currency(*b"THB"));
    with_code(&mut script, terms(Some(amount)));
    let reserved = held(&mut script, 1, vec![places(0, 2)], Some(code(1)));
    assert_eq!(amounts(&reserved.lines), [(2, [5_000, 0, 5_000, 0, 0, 0])]);
    assert_eq!((reserved.order_fee, reserved.total), (0, 0));
}

#[test]
fn e9_one_place_free_and_one_not() {
    let offer = Offer {
        types: vec![ticket_type(0), ticket_type(1)],
        prices: vec![price_of(1, 2_000)],
        fees: fees_of_8(700),
        tax_bp: 700,
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(5_000, b"THB")], offer));
    let amount = Discount::Amount(2_500, Currency(*b"THB"));
    with_code(&mut script, terms(Some(amount)));
    let reserved = held(
        &mut script,
        1,
        vec![typed(&[(0, 1), (1, 1)])],
        Some(code(1)),
    );
    assert_eq!(
        amounts(&reserved.lines),
        [
            (1, [5_000, 0, 2_500, 2_500, 425, 192]),
            (1, [2_000, 0, 2_000, 0, 0, 0]),
        ]
    );
    assert_eq!((reserved.order_fee, reserved.order_fee_tax), (900, 59));
    assert_eq!((reserved.total, reserved.tax), (3_825, 251));
}

#[test]
fn e10_nothing_overflows() {
    const MOST: i64 = 1_000_000_000_000;
    let offer = Offer {
        fees: Fees {
            place: MOST,
            place_bp: 10_000,
            order: MOST,
            tax_bp: 10_000,
        },
        tax_bp: 10_000,
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(MOST, b"THB")], offer));
    let reserved = held(&mut script, 1, vec![places(0, 100)], None);
    assert_eq!(reserved.lines[0].unit_fee, 2 * MOST);
    assert_eq!(reserved.total, 301_000_000_000_000);
    assert_eq!(reserved.tax, 150_500_000_000_000);
}

#[test]
fn e12_a_place_is_in_one_bundle() {
    let mut first = bundle(1, 3, 1_000);
    first.scope.zones = vec![0];
    let offer = Offer {
        bundles: vec![first, bundle(2, 4, 500)],
        ..Offer::default()
    };
    let zones = vec![general(1_000, b"THB"), general(500, b"THB")];
    let cases = [
        (2, 2, [(2, 950), (2, 475)], 2_850),
        (3, 4, [(3, 900), (4, 475)], 4_600),
        (3, 3, [(3, 900), (3, 500)], 4_200),
    ];
    for (a, b, want, total) in cases {
        let mut script = house(opening(zones.clone(), offer.clone()));
        let reserved = held(&mut script, 1, vec![places(0, a), places(1, b)], None);
        let lines = reserved.lines.iter();
        let got: Vec<_> = lines.map(|line| (line.quantity, line.unit_price)).collect();
        assert_eq!((&got[..], reserved.total), (&want[..], total));
    }
}

#[test]
fn e27_half_goes_up_and_a_code_is_not_plain() {
    let zones = vec![general(10, b"JPY"), general(30, b"JPY")];
    let mut script = house(opening(zones, Offer::default()));
    with_code(&mut script, terms(Some(Discount::OffBp(500))));
    let items = vec![places(0, 1), places(1, 1)];
    let reserved = held(&mut script, 1, items, Some(code(1)));
    assert_eq!(
        amounts(&reserved.lines),
        [(1, [10, 0, 0, 10, 0, 0]), (1, [30, 0, 1, 29, 0, 0])]
    );
    held(&mut script, 1, vec![places(0, 1)], Some(code(1)));
}

#[test]
fn e29_currencies_do_not_mix() {
    let mut script = machine(limits());
    let mut mixed = show_of(SHOW, vec![places_of(9), places_of(9)]);
    mixed.zones[1].currency = Currency(*b"USD");
    script.run(Command::OpenShow(mixed));
    let both = order(&mut script, 1, vec![places(0, 1), places(1, 1)], None);
    assert_eq!(both, rejected(InvalidReason::MixedCurrencies));
    let one = order(&mut script, 1, vec![places(0, 1)], None);
    assert!(matches!(one, Outcome::Reserved(_)), "{one:?}");
    let taxed = script.run(Command::SetOffer(Box::new(SetOffer {
        show: show_id(SHOW),
        offer: Offer {
            tax_bp: 700,
            ..Offer::default()
        },
    })));
    assert_eq!(taxed, rejected(InvalidReason::Offer));
}

#[test]
fn e30_what_was_held_is_paid() {
    let mut script = family();
    let items = vec![typed(&[(1, 2), (2, 1)])];
    let reserved = held(&mut script, 1, items, Some(code(1)));
    let mut offer = script.model.show(show_id(SHOW)).unwrap().offer.clone();
    offer.fees = Fees::default();
    let set = SetOffer {
        show: show_id(SHOW),
        offer,
    };
    script.run(Command::SetOffer(Box::new(set)));
    let differs = Rejection::AmountDiffers {
        total: 252_228,
        currency: Currency(*b"THB"),
    };
    assert_eq!(
        script.run(pay(reserved.booking, Some(237_600))),
        refused(differs)
    );
    let paid = script.run(pay(reserved.booking, Some(252_228)));
    let Outcome::ConfirmedV2(confirmed) = paid else {
        panic!("{paid:?}")
    };
    assert_eq!((confirmed.total, confirmed.first), (252_228, true));
}

#[test]
fn e32_bundles_before_codes() {
    let offer = Offer {
        bundles: vec![bundle(1, 3, 1_000)],
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(1_000, b"THB")], offer));
    let amount = Discount::Amount(100, Currency(*b"THB"));
    with_code(&mut script, terms(Some(amount)));
    let reserved = held(&mut script, 1, vec![places(0, 3)], Some(code(1)));
    assert_eq!(
        amounts(&reserved.lines),
        [(3, [1_000, 100, 100, 800, 0, 0])]
    );
    assert_eq!(reserved.total, 2_400);
}
