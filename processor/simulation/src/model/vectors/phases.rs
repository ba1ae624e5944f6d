use super::*;
use crate::model::testing::release;
use onsale_schemas::command::{Pick, Reserve};

/// Example 2: 199 of 200 places of the phase are live.
fn early_bird() -> Script {
    let offer = Offer {
        phases: vec![phase(1, 200, PhasePrice::Fixed(90_000))],
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(100_000, b"THB")], offer));
    script.now = 50_000;
    held(&mut script, 1, vec![places(0, 100)], None);
    held(&mut script, 1, vec![places(0, 99)], None);
    script
}

#[test]
fn e2_an_order_over_the_boundary_is_split() {
    let mut script = early_bird();
    let reserved = held(&mut script, 2, vec![places(0, 3)], None);
    assert_eq!(
        short(&reserved.lines),
        [
            (1, PriceRule::Phase(1), 90_000),
            (2, PriceRule::Zone, 100_000)
        ]
    );
    assert_eq!(reserved.total, 290_000);
    let next = order(&mut script, 3, vec![places(0, 1)], None);
    assert!(matches!(next, Outcome::Reserved(plain) if plain.unit_price == 100_000));
}

#[test]
fn e3_what_an_ended_hold_gives_back_is_there_in_the_same_record() {
    let mut script = early_bird();
    script.now = 100_000;
    held(&mut script, 2, vec![places(0, 3)], None);
    // The first 199 are paid: they stay.
    let bookings: Vec<Offset> = script.model.live_bookings().map(|b| b.offset).collect();
    for &booking in &bookings[..2] {
        script.run(pay(booking, None));
    }
    script.now = 699_999;
    let before = order(&mut script, 3, vec![places(0, 1)], None);
    assert!(matches!(before, Outcome::Reserved(plain) if plain.unit_price == 100_000));
    script.now = 700_000;
    let record = script.record(Command::ReserveV2(ask(4, vec![places(0, 1)], None)));
    assert_eq!(record.expired.len(), 1);
    let Outcome::ReservedV2(after) = record.outcome else {
        panic!("{record:?}")
    };
    assert_eq!(short(&after.lines), [(1, PriceRule::Phase(1), 90_000)]);
}

#[test]
fn e11_phases_fill_one_after_the_other() {
    let offer = Offer {
        phases: vec![
            phase(1, 2, PhasePrice::OffBp(2_500)),
            phase(2, 1, PhasePrice::OffBp(1_000)),
        ],
        ..Offer::default()
    };
    let mut script = house(opening(vec![general(1_000, b"THB")], offer));
    let reserved = held(&mut script, 1, vec![places(0, 4)], None);
    assert_eq!(
        short(&reserved.lines),
        [
            (2, PriceRule::Phase(1), 750),
            (1, PriceRule::Phase(2), 900),
            (1, PriceRule::Zone, 1_000)
        ]
    );
    assert_eq!(reserved.total, 3_400);
}

#[test]
fn e13_a_window_is_half_open() {
    let mut early = phase(1, 0, PhasePrice::Fixed(1));
    (early.from_ms, early.until_ms) = (1_000, 2_000);
    let offer = Offer {
        phases: vec![early],
        ..Offer::default()
    };
    for (now, open) in [(999, false), (1_000, true), (1_999, true), (2_000, false)] {
        let mut script = machine_at(now, opening(vec![general(10, b"THB")], offer.clone()));
        let got = order(&mut script, 1, vec![places(0, 1)], None);
        assert_eq!(matches!(got, Outcome::ReservedV2(_)), open, "at {now}");
    }
}

/// A machine whose time is this one, which [`house`] would have passed.
fn machine_at(now: u64, open: OpenShowV3) -> Script {
    let mut script = Script {
        model: Model::new(
            onsale_schemas::PartitionId(0),
            ModelLimits {
                machine_version_known: 3,
                ..limits()
            },
        ),
        now,
    };
    script.machine(Command::Barrier { machine_version: 3 });
    script.run(Command::OpenShowV3(Box::new(open)));
    script
}

#[test]
fn e15_a_late_confirmation_needs_its_phase() {
    let offer = Offer {
        phases: vec![phase(1, 1, PhasePrice::Fixed(5))],
        ..Offer::default()
    };
    let mut script = house(opening(vec![seated(&[4])], offer));
    let late = held(&mut script, 1, vec![named(&[0])], None);
    script.now += u64::from(HOLD_MS);
    let other = held(&mut script, 2, vec![named(&[1])], None);
    assert_eq!(other.total, 5);
    assert_eq!(
        script.run(pay(late.booking, None)),
        refused(Rejection::ReservationExpired)
    );
    script.run(release(other.booking));
    let paid = script.run(pay(late.booking, Some(5)));
    let Outcome::ConfirmedV2(confirmed) = paid else {
        panic!("{paid:?}")
    };
    assert_eq!((confirmed.total, confirmed.revived), (5, true));
}

#[test]
fn e35_windows_and_numbers_of_types() {
    let mut limited = ticket_type(1);
    (limited.from_ms, limited.until_ms) = (1_000, 2_000);
    (limited.min, limited.max) = (2, 4);
    let offer = Offer {
        types: vec![limited],
        prices: vec![price_of(1, 10)],
        ..Offer::default()
    };
    let closed = |opens_at_ms| Rejection::TypeNotOnSale {
        ticket_type: 1,
        opens_at_ms,
    };
    let number = |asked| Rejection::TypeQuantity {
        ticket_type: 1,
        asked,
        min: 2,
        max: 4,
    };
    for (now, quantity, want) in [
        (999, 2, closed(Some(1_000))),
        (2_000, 2, closed(None)),
        (1_000, 1, number(1)),
        (1_999, 5, number(5)),
    ] {
        let mut script = machine_at(now, opening(vec![general(10, b"THB")], offer.clone()));
        let got = order(&mut script, 1, vec![typed(&[(1, quantity)])], None);
        assert_eq!(got, refused(want));
    }
}

#[test]
fn e36_what_the_buyer_saw() {
    let mut script = early_bird();
    let mut new = ask(2, vec![places(0, 3)], None);
    new.expected_total = Some(300_000);
    let total = Rejection::TotalChanged {
        total: 290_000,
        currency: Currency(*b"THB"),
    };
    assert_eq!(script.run(Command::ReserveV2(new)), refused(total));
    for (seen, now) in [(90_000, 100_000), (100_000, 90_000)] {
        let old = script.run(Command::Reserve(Reserve {
            show: show_id(SHOW),
            user: user(2),
            zone: 0,
            pick: Pick::General { quantity: 3 },
            expected_unit_price: Some(seen),
        }));
        assert_eq!(old, refused(Rejection::PriceChanged { unit_price: now }));
    }
}
