//! Prices: E1, E2, E4 to E13, E27, E29, E30, E32, E36.

use super::*;
use onsale_schemas::rejection::InvalidReason;

#[test]
fn e1_without_an_offer_it_is_a_reserve() {
    let mut m = start(vec![general(250_000)], Offer::default());
    let new = m.hold_plain(order(1, &[places(0, 2)], None));
    assert_eq!((new.unit_price, new.quantity), (250_000, 2));
    let old = m.hold_plain(m.general(1, 1, 0, 2));
    assert_eq!(
        old,
        Reserved {
            booking: old.booking,
            ..new
        }
    );
}

/// 199 of the 200 places of phase 1 are live, held by user 2 in the last booking.
fn e2() -> Machine {
    let offer = Offer {
        phases: vec![phase(1, 200, PhasePrice::Fixed(90_000))],
        ..Offer::default()
    };
    let mut m = start(vec![general(100_000)], offer);
    m.now = 100_000;
    m.hold(order(2, &[places(0, 100)], None));
    m.hold(order(2, &[places(0, 99)], None));
    m
}

#[test]
fn e2_an_order_over_the_boundary_of_a_phase() {
    let mut m = e2();
    let held = m.hold(order(1, &[places(0, 3)], None));
    let expected = [
        (1, 90_000, PriceRule::Phase(1)),
        (2, 100_000, PriceRule::Zone),
    ];
    assert_eq!(rules(&held.lines), expected);
    assert_eq!(held.total, 290_000);
    let next = m.hold_plain(order(1, &[places(0, 1)], None));
    assert_eq!(next.unit_price, 100_000);
}

#[test]
fn e3_what_expires_gives_its_places_back() {
    let mut m = e2();
    m.hold(order(1, &[places(0, 3)], None));
    m.now = 699_999;
    let before = m.hold_plain(order(3, &[places(0, 1)], None));
    assert_eq!(before.unit_price, 100_000);
    m.now = 700_000;
    let after = m.hold(order(3, &[places(0, 1)], None));
    assert_eq!(rules(&after.lines), [(1, 90_000, PriceRule::Phase(1))]);
    assert_eq!(m.records.last().unwrap().expired.len(), 3);
}

#[test]
fn e4_a_bundle_rounds_per_place() {
    let offer = Offer {
        bundles: vec![bundle(1, &[], 3, 1_000)],
        ..Offer::default()
    };
    let mut m = start(vec![in_currency(b"JPY", general(333))], offer);
    let three = m.hold(order(1, &[places(0, 3)], None));
    assert_eq!(prices_of(&three.lines), [(3, 300)]);
    assert_eq!(
        (three.lines[0].bundle, three.lines[0].bundle_off),
        (Some(1), 33)
    );
    assert_eq!(three.total, 900);
    let two = m.hold_plain(order(1, &[places(0, 2)], None));
    assert_eq!(two.unit_price, 333);
}

#[test]
fn e5_everything_at_once() {
    let mut m = e5();
    let held = m.hold(e5_order());
    let [adult, child] = &held.lines[..] else {
        panic!("{:?}", held.lines);
    };
    let told = |line: &Line| {
        let Line {
            list_price,
            bundle_off,
            code_off,
            unit_price,
            unit_fee,
            unit_tax,
            ..
        } = *line;
        [
            list_price, bundle_off, code_off, unit_price, unit_fee, unit_tax,
        ]
    };
    assert_eq!(told(adult), [120_000, 12_000, 16_200, 91_800, 4_754, 6_317]);
    assert_eq!(told(child), [60_000, 6_000, 0, 54_000, 3_620, 3_770]);
    assert_eq!((held.order_fee, held.order_fee_tax), (1_500, 98));
    assert_eq!((held.total, held.tax), (252_228, 16_502));
    assert_eq!(held.code, Some(code(7)));
}

#[test]
fn e6_fee_and_tax_without_digits() {
    let offer = Offer {
        fees: Fees {
            place_bp: 350,
            tax_bp: 1_000,
            ..Fees::default()
        },
        tax_bp: 1_000,
        ..Offer::default()
    };
    let mut m = start(vec![in_currency(b"JPY", general(1_005))], offer);
    m.run_ok(create(1, terms(Some(Discount::OffBp(1_500))), &[1]));
    let held = m.hold(order(1, &[places(0, 3)], Some(1)));
    let line = &held.lines[0];
    assert_eq!((line.unit_price, line.code_off), (854, 151));
    assert_eq!((line.unit_fee, line.unit_tax), (30, 81));
    assert_eq!((held.total, held.tax), (2_652, 243));
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
    let zones = [12_345, 7_005].map(|price| in_currency(b"KWD", general(price)));
    let mut m = start(zones.to_vec(), offer);
    let two_places = CodeTerms {
        places_max: 2,
        ..terms(Some(Discount::OffBp(1_250)))
    };
    m.run_ok(create(1, two_places, &[1]));
    let held = m.hold(order(1, &[places(0, 2), places(1, 1)], Some(1)));
    assert_eq!(prices_of(&held.lines), [(2, 10_802), (1, 7_005)]);
    assert_eq!(
        (held.lines[0].code_off, held.lines[0].unit_tax),
        (1_543, 526)
    );
    assert_eq!((held.lines[1].unit_fee, held.lines[1].unit_tax), (250, 346));
    assert_eq!((held.total, held.tax), (29_359, 1_398));
}

fn e8_fees() -> Fees {
    Fees {
        place: 300,
        place_bp: 500,
        order: 900,
        tax_bp: 0,
    }
}

#[test]
fn e8_what_is_free_bears_no_fee() {
    let offer = Offer {
        fees: e8_fees(),
        ..Offer::default()
    };
    let mut m = start(vec![general(5_000)], offer);
    m.run_ok(create(1, terms(Some(Discount::Amount(6_000, THB))), &[1]));
    let held = m.hold(order(1, &[places(0, 2)], Some(1)));
    let line = &held.lines[0];
    assert_eq!(
        (line.unit_price, line.code_off, line.unit_fee),
        (0, 5_000, 0)
    );
    assert_eq!((held.order_fee, held.total), (0, 0));
}

#[test]
fn e9_one_place_is_free_and_one_is_not() {
    let offer = Offer {
        types: vec![ticket_type(0), ticket_type(1)],
        prices: vec![type_price(0, 1, 2_000)],
        fees: Fees {
            tax_bp: 700,
            ..e8_fees()
        },
        tax_bp: 700,
        ..Offer::default()
    };
    let mut m = start(vec![general(5_000)], offer);
    m.run_ok(create(1, terms(Some(Discount::Amount(2_500, THB))), &[1]));
    let both = typed(0, PickV2::General { quantity: 2 }, &[(0, 1), (1, 1)]);
    let held = m.hold(order(1, &[both], Some(1)));
    let told: Vec<_> = held
        .lines
        .iter()
        .map(|line| (line.unit_price, line.unit_fee, line.unit_tax))
        .collect();
    assert_eq!(told, [(2_500, 425, 192), (0, 0, 0)]);
    assert_eq!((held.order_fee, held.order_fee_tax), (900, 59));
    assert_eq!((held.total, held.tax), (3_825, 251));
}

#[test]
fn e10_the_largest_numbers() {
    let most = 1_000_000_000_000;
    let offer = Offer {
        fees: Fees {
            place: most,
            place_bp: 10_000,
            order: most,
            tax_bp: 10_000,
        },
        tax_bp: 10_000,
        ..Offer::default()
    };
    let mut m = start(vec![general(most)], offer);
    let held = m.hold(order(1, &[places(0, 100)], None));
    assert_eq!(
        (held.lines[0].unit_price, held.lines[0].unit_fee),
        (most, 2 * most)
    );
    assert_eq!(held.total, 301_000_000_000_000);
    assert_eq!(held.tax, 150_500_000_000_000);
    m.run_ok(m.confirm(held.booking, "p"));
    let rest = m.returned(give_back(held.booking, &[], &[(0, 99)]));
    assert_eq!(rest.total, 4 * most);
}

#[test]
fn e11_phases_follow_each_other_within_an_order() {
    let offer = Offer {
        phases: vec![
            phase(1, 2, PhasePrice::OffBp(2_500)),
            phase(2, 1, PhasePrice::OffBp(1_000)),
        ],
        ..Offer::default()
    };
    let mut m = start(vec![general(1_000)], offer);
    let held = m.hold(order(1, &[places(0, 4)], None));
    assert_eq!(prices_of(&held.lines), [(2, 750), (1, 900), (1, 1_000)]);
    assert_eq!(held.total, 3_400);
}

#[test]
fn e12_a_place_is_in_one_bundle() {
    let offer = Offer {
        bundles: vec![bundle(1, &[0], 3, 1_000), bundle(2, &[], 4, 500)],
        ..Offer::default()
    };
    let mut m = start(vec![general(1_000), general(500)], offer);
    let cases = [
        (2, 2, [(2, 950), (2, 475)], 2_850),
        (3, 4, [(3, 900), (4, 475)], 4_600),
        (3, 3, [(3, 900), (3, 500)], 4_200),
    ];
    for (first, second, lines, total) in cases {
        let held = m.hold(order(1, &[places(0, first), places(1, second)], None));
        assert_eq!(prices_of(&held.lines), lines);
        assert_eq!(held.total, total);
    }
}

#[test]
fn e13_a_window_is_half_open() {
    let offer = Offer {
        phases: vec![Phase {
            from_ms: 1_000,
            until_ms: 2_000,
            ..phase(1, 0, PhasePrice::Fixed(7))
        }],
        ..Offer::default()
    };
    let mut m = start(vec![general(10)], offer);
    for (now, price) in [(999, 10), (1_000, 7), (1_999, 7), (2_000, 10)] {
        m.now = now;
        let paid = match m.run_ok(order(1, &[places(0, 1)], None)) {
            Outcome::Reserved(reserved) => reserved.unit_price,
            Outcome::ReservedV2(reserved) => reserved.total,
            other => panic!("{other:?}"),
        };
        assert_eq!(paid, price, "at {now}");
    }
}

#[test]
fn e27_halves_go_up_and_the_code_makes_it_an_order() {
    let zones = [10, 30].map(|price| in_currency(b"JPY", general(price)));
    let mut m = start(zones.to_vec(), Offer::default());
    m.run_ok(create(1, terms(Some(Discount::OffBp(500))), &[1]));
    let held = m.hold(order(1, &[places(0, 1), places(1, 1)], Some(1)));
    assert_eq!(prices_of(&held.lines), [(1, 10), (1, 29)]);
    let offs: Vec<i64> = held.lines.iter().map(|line| line.code_off).collect();
    assert_eq!(offs, [0, 1]);
    m.hold(order(1, &[places(0, 1)], Some(1)));
}

#[test]
fn e29_currencies_are_not_mixed() {
    let zones = vec![general(10), in_currency(b"USD", general(10))];
    let mut m = start(zones, Offer::default());
    let invalid = |reason| Rejection::Invalid { reason };
    m.expect_refusal(
        order(1, &[places(0, 1), places(1, 1)], None),
        invalid(InvalidReason::MixedCurrencies),
    );
    m.hold_plain(order(1, &[places(0, 1)], None));
    let taxed = Offer {
        tax_bp: 1,
        ..Offer::default()
    };
    m.expect_refusal(set_offer(taxed), invalid(InvalidReason::Offer));
}

#[test]
fn e30_what_was_held_is_what_is_paid() {
    let mut m = e5();
    let booking = m.hold(e5_order()).booking;
    m.run_ok(set_offer(Offer {
        types: vec![ticket_type(1), ticket_type(2)],
        ..Offer::default()
    }));
    let pay = |m: &Machine, sum| {
        let Command::Confirm(confirm) = m.confirm(booking, "p") else {
            panic!("a confirmation");
        };
        Command::ConfirmV2(ConfirmV2 {
            confirm,
            paid: Some((sum, THB)),
        })
    };
    m.expect_refusal(
        pay(&m, 237_600),
        Rejection::AmountDiffers {
            total: 252_228,
            currency: THB,
        },
    );
    let paid = pay(&m, 252_228);
    let Outcome::ConfirmedV2(confirmed) = m.run_ok(paid) else {
        panic!("confirmed");
    };
    assert_eq!((confirmed.total, confirmed.first), (252_228, true));
    assert_eq!(confirmed.parts[0].quantity, 3);
}

#[test]
fn e32_the_bundle_comes_before_the_code() {
    let offer = Offer {
        bundles: vec![bundle(1, &[], 3, 1_000)],
        ..Offer::default()
    };
    let mut m = start(vec![general(1_000)], offer);
    m.run_ok(create(1, terms(Some(Discount::Amount(100, THB))), &[1]));
    let held = m.hold(order(1, &[places(0, 3)], Some(1)));
    assert_eq!(prices_of(&held.lines), [(3, 800)]);
    assert_eq!(held.total, 2_400);
}

#[test]
fn e36_an_order_over_a_boundary_needs_the_new_command() {
    let mut m = e2();
    m.expect_refusal(
        expecting(1, &[places(0, 3)], None, Some(300_000)),
        Rejection::TotalChanged {
            total: 290_000,
            currency: THB,
        },
    );
    for (expected, unit_price) in [(90_000, 100_000), (100_000, 90_000)] {
        let Command::Reserve(mut reserve) = m.general(1, 1, 0, 3) else {
            panic!("a reservation");
        };
        reserve.expected_unit_price = Some(expected);
        m.expect_refusal(
            Command::Reserve(reserve),
            Rejection::PriceChanged { unit_price },
        );
    }
    m.hold(expecting(1, &[places(0, 3)], None, Some(290_000)));
}
