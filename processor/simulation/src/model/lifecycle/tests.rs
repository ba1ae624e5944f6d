//! Open, amend, close and cancel a show.

use onsale_schemas::Command;

use super::*;
use crate::model::ModelLimits;
use crate::model::testing::{
    CLOSES, PRICE, Script, confirm, general, limits, rejected, release, reserve_general,
    reserve_seats, seated, show, show_id, show_of, zone_of,
};

fn open(change: impl FnOnce(&mut OpenShow)) -> Command {
    let mut open = show(2);
    change(&mut open);
    Command::OpenShow(open)
}

fn unchanged(n: u8) -> AmendShow {
    AmendShow {
        show: show_id(n),
        max_tickets_per_user: None,
        sale_opens_at_ms: None,
        sale_closes_at_ms: None,
        hold_ms: None,
        prices: Vec::new(),
    }
}

fn amend(n: u8, change: impl FnOnce(&mut AmendShow)) -> Command {
    let mut amend = unchanged(n);
    change(&mut amend);
    Command::AmendShow(amend)
}

#[test]
fn a_layout_at_its_limits_opens_and_one_beyond_does_not() {
    let row_max = SEATS_PER_ROW_MAX;
    let full_zone = |rows: usize, len| {
        zone_of(Admission::Seated {
            rows: vec![len; rows],
        })
    };
    let cases: Vec<(Vec<ZoneLayout>, bool)> = vec![
        (vec![], false),
        (vec![general(1); ZONES_PER_SHOW_MAX], true),
        (vec![general(1); ZONES_PER_SHOW_MAX + 1], false),
        (vec![seated(&[])], false),
        (vec![seated(&[0])], false),
        (vec![seated(&[row_max])], true),
        (vec![seated(&[row_max + 1])], false),
        (vec![full_zone(ROWS_PER_ZONE_MAX, 1)], true),
        (vec![full_zone(ROWS_PER_ZONE_MAX + 1, 1)], false),
        (vec![full_zone(2_000, 125)], true),
        (vec![full_zone(2_000, 125), seated(&[1])], false),
        (vec![full_zone(2_000, 125), general(1)], true),
        (vec![general(0)], false),
        (vec![general(GENERAL_CAPACITY_MAX)], true),
        (vec![general(GENERAL_CAPACITY_MAX + 1)], false),
    ];
    for (case, (zones, opens)) in cases.into_iter().enumerate() {
        let got = Script::new().run(Command::OpenShow(show_of(2, zones)));
        if opens {
            assert!(matches!(got, Outcome::ShowOpened { .. }), "{case}: {got:?}");
        } else {
            assert_eq!(got, rejected(InvalidReason::Layout), "case {case}");
        }
    }
}

#[test]
fn terms_at_their_limits_open_and_beyond_do_not() {
    type Change = fn(&mut OpenShow);
    let cases: &[(Change, bool)] = &[
        (|o| o.zones[0].unit_price = 0, true),
        (|o| o.zones[1].unit_price = -1, false),
        (|o| o.zones[1].unit_price = UNIT_PRICE_MAX_MINOR, true),
        (|o| o.zones[0].unit_price = UNIT_PRICE_MAX_MINOR + 1, false),
        (|o| o.hold_ms = HOLD_MIN_MS, true),
        (|o| o.hold_ms = HOLD_MIN_MS - 1, false),
        (|o| o.hold_ms = HOLD_MAX_MS, true),
        (|o| o.hold_ms = HOLD_MAX_MS + 1, false),
        (|o| o.sale_opens_at_ms = o.sale_closes_at_ms, false),
        (|o| o.sale_opens_at_ms = o.sale_closes_at_ms - 1, true),
    ];
    for (case, (change, opens)) in cases.iter().enumerate() {
        let got = Script::new().run(open(change));
        if *opens {
            assert!(matches!(got, Outcome::ShowOpened { .. }), "{case}: {got:?}");
        } else {
            assert_eq!(got, rejected(InvalidReason::OutOfRange), "case {case}");
        }
    }
}

/// Every command breaks its own rule and all later ones.
#[test]
fn open_refuses_in_order() {
    let mut script = Script::with(ModelLimits {
        shows_max: 1,
        ..limits()
    });
    let mut bad = show(1);
    bad.hold_ms = 0;
    bad.zones.clear();
    assert_eq!(
        script.run(Command::OpenShow(bad.clone())),
        rejected(InvalidReason::Layout)
    );
    bad.zones = show(1).zones;
    assert_eq!(
        script.run(Command::OpenShow(bad.clone())),
        rejected(InvalidReason::OutOfRange)
    );
    bad.hold_ms = HOLD_MAX_MS;
    assert_eq!(
        script.run(Command::OpenShow(bad)),
        Outcome::Rejected(Rejection::ShowExists)
    );
    assert!(matches!(
        script.run(Command::OpenShow(show(1))),
        Outcome::ShowOpened { .. }
    ));
    let table = FullTable::Shows;
    assert_eq!(
        script.run(Command::OpenShow(show(2))),
        Outcome::Rejected(Rejection::Full { table })
    );
}

#[test]
fn opening_again_compares_with_the_first_values_and_changes_nothing() {
    let mut script = Script::new();
    script.run(amend(1, |a| a.hold_ms = Some(HOLD_MIN_MS)));
    assert!(matches!(
        script.run(Command::OpenShow(show(1))),
        Outcome::ShowOpened { .. }
    ));
    assert_eq!(script.model.show(show_id(1)).unwrap().hold_ms, HOLD_MIN_MS);
}

#[test]
fn amend_refuses_in_order() {
    let mut script = Script::new();
    let bad_zone = |a: &mut AmendShow| {
        a.prices = vec![(0, -1), (2, -1)];
        a.hold_ms = Some(0);
    };
    assert_eq!(
        script.run(amend(9, bad_zone)),
        Outcome::Rejected(Rejection::UnknownShow)
    );
    assert_eq!(
        script.run(amend(1, bad_zone)),
        rejected(InvalidReason::UnknownZone)
    );
    for change in [
        |a: &mut AmendShow| a.prices = vec![(0, -1)],
        |a: &mut AmendShow| a.hold_ms = Some(0),
        |a: &mut AmendShow| a.sale_opens_at_ms = Some(CLOSES),
    ] {
        assert_eq!(
            script.run(amend(1, change)),
            rejected(InvalidReason::OutOfRange)
        );
    }
    script.run(Command::CancelShow { show: show_id(1) });
    assert_eq!(
        script.run(amend(1, bad_zone)),
        Outcome::Rejected(Rejection::ShowCancelled)
    );
}

#[test]
fn amended_terms_hold_for_later_reservations_only() {
    let mut script = Script::new();
    let early = script.hold(reserve_seats(1, 1, &[0]));
    let early_end = script.model.booking(early).unwrap().expires_at_ms;
    script.run(amend(1, |a| {
        a.max_tickets_per_user = Some(2);
        a.hold_ms = Some(5_000);
        a.prices = vec![(0, 7)];
    }));
    let late = script.hold(reserve_seats(1, 1, &[1]));
    let [early, late] = [early, late].map(|b| script.model.booking(b).unwrap().clone());
    assert_eq!(
        (early.unit_price(), early.expires_at_ms),
        (PRICE, early_end)
    );
    assert_eq!(
        (late.unit_price(), late.expires_at_ms),
        (7, script.now + 5_000)
    );
    let over = script.run(reserve_seats(1, 1, &[2]));
    let want = Rejection::MaxPerUserExceeded {
        limit: 2,
        current: 2,
    };
    assert_eq!(over, Outcome::Rejected(want));
}

#[test]
fn a_closed_sale_sells_no_more_but_confirms_and_may_be_reopened() {
    let mut script = Script::new();
    let hold = script.hold(reserve_seats(1, 1, &[0]));
    let close = Command::CloseShow { show: show_id(1) };
    for _ in 0..2 {
        script.now += 1;
        assert!(matches!(
            script.run(close.clone()),
            Outcome::ShowClosed { .. }
        ));
    }
    let show = script.model.show(show_id(1)).unwrap();
    assert_eq!(
        show.sale_closes_at_ms,
        script.now - 1,
        "the first close stays"
    );
    assert_eq!(
        script.run(reserve_seats(1, 1, &[1])),
        Outcome::Rejected(Rejection::SaleClosed)
    );
    assert!(matches!(
        script.run(confirm(hold, "p")),
        Outcome::Confirmed(_)
    ));
    script.run(amend(1, |a| a.sale_closes_at_ms = Some(CLOSES)));
    script.hold(reserve_seats(1, 1, &[1]));
}

#[test]
fn a_cancelled_show_voids_its_bookings_silently_and_refuses_everything() {
    let mut script = Script::new();
    script.run(Command::OpenShow(show(2)));
    let held = script.hold(reserve_general(1, 1, 1));
    let sold = script.hold(reserve_seats(1, 1, &[0, 1]));
    script.run(confirm(sold, "p"));
    let cancel = Command::CancelShow { show: show_id(1) };
    for _ in 0..2 {
        let record = script.record(cancel.clone());
        assert!(matches!(record.outcome, Outcome::ShowCancelled { .. }));
        assert!(record.expired.is_empty());
    }
    let cancelled = Outcome::Rejected(Rejection::ShowCancelled);
    for booking in [held, sold] {
        assert_eq!(script.run(confirm(booking, "p")), cancelled);
        assert_eq!(script.run(release(booking)), cancelled);
    }
    let close = Command::CloseShow { show: show_id(1) };
    assert_eq!(script.run(close), cancelled);
    script.hold(reserve_general(2, 1, 4));
}

#[test]
fn close_and_cancel_need_a_show() {
    let unknown = Outcome::Rejected(Rejection::UnknownShow);
    let show = show_id(9);
    assert_eq!(Script::new().run(Command::CloseShow { show }), unknown);
    assert_eq!(Script::new().run(Command::CancelShow { show }), unknown);
}
