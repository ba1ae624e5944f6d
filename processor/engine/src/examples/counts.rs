//! Counts and uses over the life of orders: E14 to E16, E28, E31, E33, E34.

use super::*;

fn once(per_user: u16) -> CodeTerms {
    CodeTerms {
        uses_max: u32::from(per_user == 0),
        uses_per_user_max: per_user,
        ..terms(Some(Discount::OffBp(1_000)))
    }
}

fn used_up() -> Rejection {
    Rejection::CodeRefused {
        why: onsale_schemas::rejection::CodeRefusal::UsedUp,
    }
}

/// A holds with a code that may be used once, until 600,000.
pub(super) fn e14() -> (Machine, u64) {
    let mut m = start(vec![general(1_000)], Offer::default());
    m.run_ok(create(1, once(0), &[1]));
    let held = m.hold(order(1, &[places(0, 1)], Some(1)));
    assert_eq!(held.expires_at_ms, 600_000);
    (m, held.booking)
}

#[test]
fn e14_the_last_use_comes_back_with_the_hold() {
    let (mut m, held) = e14();
    let again = order(2, &[places(0, 1)], Some(1));
    m.now = 599_999;
    m.expect_refusal(again.clone(), used_up());
    m.now = 600_000;
    m.hold(again);
    assert_eq!(m.records.last().unwrap().expired.len(), 1);
    m.now = 600_001;
    m.expect_refusal(m.confirm(held, "p"), Rejection::ReservationExpired);
    // What is over already gives nothing back once more.
    let release = Command::Release {
        booking: held,
        by: onsale_schemas::Actor::Staff,
    };
    m.expect_refusal(release, Rejection::ReservationExpired);
    m.partition.self_check().unwrap();
    m.expect_refusal(order(3, &[places(0, 1)], Some(1)), used_up());
}

#[test]
fn e15_a_phase_comes_back_to_a_late_payment_if_it_has_room() {
    let offer = Offer {
        phases: vec![phase(1, 1, PhasePrice::Fixed(90))],
        ..Offer::default()
    };
    let mut m = start(vec![general(100)], offer);
    let first = m.hold(order(1, &[places(0, 1)], None)).booking;
    m.now = 600_000;
    let second = m.hold(order(2, &[places(0, 1)], None)).booking;
    m.expect_refusal(m.confirm(first, "p"), Rejection::ReservationExpired);
    m.run_ok(Command::Release {
        booking: second,
        by: onsale_schemas::Actor::Staff,
    });
    let Outcome::ConfirmedV2(confirmed) = m.run_ok(m.confirm(first, "p")) else {
        panic!("confirmed");
    };
    assert_eq!((confirmed.total, confirmed.revived), (90, true));
    assert_eq!(
        m.hold_plain(order(2, &[places(0, 1)], None)).unit_price,
        100
    );
}

#[test]
fn e16_a_partial_return_prices_nothing_again() {
    let mut m = e5();
    let booking = m.hold(e5_order()).booking;
    m.run_ok(m.confirm(booking, "p"));
    let first = m.returned(give_back(booking, &[], &[(0, 1)]));
    assert_eq!((first.refund_price, first.refund_fees), (91_800, 4_754));
    assert_eq!((first.total, first.tax), (155_674, 10_185));
    assert_eq!((first.order_fee, first.order_fee_tax), (1_500, 98));
    let kept: Vec<_> = first
        .lines
        .iter()
        .map(|line| (line.quantity, line.bundle, line.code_off))
        .collect();
    assert_eq!(kept, [(1, Some(1), 16_200), (1, Some(1), 0)]);
    assert!(!first.ended);
    assert_eq!(first.parts[0].quantity, 1);
    // What is left is named, and compared with what was reserved.
    let Outcome::ConfirmedV2(again) = m.run_ok(m.confirm(booking, "p")) else {
        panic!("confirmed");
    };
    assert_eq!((again.total, again.first), (155_674, false));
    assert_eq!(again.parts[0].quantity, 2);
    assert_eq!(m.partition.stats().sold, 2);
    let pay = |m: &Machine, sum| {
        let Command::Confirm(confirm) = m.confirm(booking, "p") else {
            panic!("a confirmation");
        };
        Command::ConfirmV2(ConfirmV2 {
            confirm,
            paid: Some((sum, THB)),
        })
    };
    m.run_ok(pay(&m, 252_228));
    let differs = Rejection::AmountDiffers {
        total: 252_228,
        currency: THB,
    };
    m.expect_refusal(pay(&m, 155_674), differs);
    let last = m.returned(give_back(booking, &[], &[(1, 1), (0, 1)]));
    assert_eq!((last.refund_price, last.refund_fees), (145_800, 9_874));
    assert_eq!((last.total, last.tax, last.order_fee), (0, 0, 0));
    assert!(last.ended);
    assert_eq!(96_554 + 155_674, 252_228);
    m.expect_refusal(
        give_back(booking, &[], &[(0, 1)]),
        Rejection::AlreadyCancelled,
    );
    assert_eq!(m.partition.stats().sold, 0);
    // The use was given back just once.
    m.hold(e5_order());
}

/// What comes back gives its place in a phase back, and its place in its user's counter.
#[test]
fn a_partial_return_counts_down() {
    let offer = Offer {
        phases: vec![phase(1, 2, PhasePrice::Fixed(90))],
        ..Offer::default()
    };
    let mut m = start(vec![general(100)], offer);
    let booking = m.hold(order(1, &[places(0, 3)], None)).booking;
    m.run_ok(m.confirm(booking, "p"));
    m.amend(show_id(1), |amend: &mut AmendShow| {
        amend.max_tickets_per_user = Some(3);
    });
    m.returned(give_back(booking, &[], &[(0, 1)]));
    assert_eq!(m.partition.phase_places(show_id(1)), [(1, 1)]);
    m.expect_refusal(
        order(1, &[places(0, 2)], None),
        Rejection::MaxPerUserExceeded {
            limit: 3,
            current: 2,
        },
    );
    let next = m.hold(order(1, &[places(0, 1)], None));
    assert_eq!(rules(&next.lines), [(1, 90, PriceRule::Phase(1))]);
}

#[test]
fn e28_items_see_each_other() {
    let offer = Offer {
        types: vec![ticket_type(0), ticket_type(1)],
        prices: vec![type_price(0, 1, 50)],
        ..Offer::default()
    };
    let mut m = start(vec![general_of(100, 3)], offer);
    m.expect_refusal(
        order(1, &[places(0, 2), places(0, 2)], None),
        Rejection::InsufficientStockOf {
            item: 1,
            zone: 0,
            available: 1,
            not_together: false,
        },
    );
    assert_eq!(m.partition.stats().available, 3);
    let child = typed(0, PickV2::General { quantity: 1 }, &[(1, 1)]);
    let held = m.hold(order(1, &[places(0, 2), child], None));
    assert_eq!((held.lines.len(), held.total), (2, 250));
    assert_eq!(m.partition.stats().available, 0);
}

#[test]
fn items_for_best_available_see_each_other() {
    let mut m = start(vec![seated(&[8])], Offer::default());
    let two = best(0, 2, true, SeatKind::Ordinary);
    let held = m.seats_held(order(1, &[two.clone(), two], None));
    assert_eq!(held, [3, 4, 1, 2]);
    m.partition.self_check().unwrap();
}

#[test]
fn e31_what_expires_is_told_by_zone() {
    let mut m = start(vec![general(1), general(1)], Offer::default());
    let booking = m
        .hold(order(1, &[places(1, 1), places(0, 1)], None))
        .booking;
    m.now = 600_000;
    m.tick();
    let expired = &m.records.last().unwrap().expired;
    let told: Vec<_> = expired
        .iter()
        .map(|ended| (ended.booking, ended.zone, ended.quantity))
        .collect();
    assert_eq!(told, [(booking, 1, 1), (booking, 0, 1)]);
}

/// The bound counts entries, and never splits a booking.
#[test]
fn a_record_expires_no_more_entries_than_it_may() {
    let mut m = start(vec![general_of(1, 9_000); 3], Offer::default());
    let both = [places(0, 1), places(1, 1), places(2, 1)];
    let bookings: Vec<u64> = (0..400)
        .map(|user| match m.run_ok(order(user, &both, None)) {
            Outcome::ReservedV2(reserved) => reserved.booking,
            other => panic!("{other:?}"),
        })
        .collect();
    m.now = 600_000;
    // A hold that is named comes on top.
    m.run_ok(m.confirm(bookings[399], "p"));
    let expired = &m.records.last().unwrap().expired;
    assert_eq!(expired.len(), 341 * 3 + 3);
    assert_eq!(
        expired.last().map(|ended| ended.booking),
        Some(bookings[399])
    );
    m.tick();
    assert_eq!(m.records.last().unwrap().expired.len(), 58 * 3);
    m.partition.self_check().unwrap();
}

#[test]
fn e33_uses_of_a_user() {
    let mut m = start(vec![general(1_000)], Offer::default());
    m.run_ok(create(1, once(1), &[1]));
    let mine = order(1, &[places(0, 1)], Some(1));
    let held = m.hold(mine.clone()).booking;
    m.expect_refusal(
        mine.clone(),
        Rejection::CodeRefused {
            why: onsale_schemas::rejection::CodeRefusal::UsedUpByUser,
        },
    );
    m.hold(order(2, &[places(0, 1)], Some(1)));
    m.run_ok(Command::Release {
        booking: held,
        by: onsale_schemas::Actor::Staff,
    });
    m.hold(mine);
}

#[test]
fn a_late_payment_counts_among_the_uses_of_its_user() {
    let mut m = start(vec![general(1_000)], Offer::default());
    m.run_ok(create(1, once(1), &[1]));
    let mine = order(1, &[places(0, 1)], Some(1));
    let first = m.hold(mine.clone()).booking;
    m.now = 600_000;
    let second = m.hold(mine.clone()).booking;
    m.expect_refusal(m.confirm(first, "p"), Rejection::ReservationExpired);
    m.run_ok(Command::Release {
        booking: second,
        by: onsale_schemas::Actor::Staff,
    });
    m.run_ok(m.confirm(first, "p"));
    m.partition.self_check().unwrap();
    let why = onsale_schemas::rejection::CodeRefusal::UsedUpByUser;
    m.expect_refusal(mine, Rejection::CodeRefused { why });
}

/// Windows of code, phase and type are over, the show has room: the price is the one that was held.
#[test]
fn a_late_payment_does_not_look_at_windows() {
    let offer = Offer {
        types: vec![TicketType {
            until_ms: 500_000,
            ..ticket_type(0)
        }],
        phases: vec![Phase {
            until_ms: 500_000,
            ..phase(1, 1, PhasePrice::Fixed(500))
        }],
        ..Offer::default()
    };
    let mut m = start(vec![general(1_000)], offer);
    let until = CodeTerms {
        until_ms: 500_000,
        ..once(0)
    };
    m.run_ok(create(1, until, &[1]));
    let held = m.hold(order(1, &[places(0, 1)], Some(1))).booking;
    m.now = 600_000;
    let Outcome::ConfirmedV2(confirmed) = m.run_ok(m.confirm(held, "p")) else {
        panic!("confirmed");
    };
    assert_eq!((confirmed.total, confirmed.revived), (450, true));
}

#[test]
fn e34_a_code_that_ended_asks_for_no_use() {
    let (mut m, held) = e14();
    m.run_ok(end_code(1));
    m.now = 600_000;
    m.expect_refusal(
        order(2, &[places(0, 1)], Some(1)),
        Rejection::CodeRefused {
            why: onsale_schemas::rejection::CodeRefusal::Unknown,
        },
    );
    let Outcome::ConfirmedV2(confirmed) = m.run_ok(m.confirm(held, "p")) else {
        panic!("confirmed");
    };
    assert_eq!((confirmed.total, confirmed.revived), (900, true));
    // Created again it is another code: the sale does not count, and gives nothing back.
    m.run_ok(create(1, once(0), &[1]));
    m.hold(order(2, &[places(0, 1)], Some(1)));
    m.run_ok(Command::Return { booking: held });
    m.expect_refusal(order(3, &[places(0, 1)], Some(1)), used_up());
}
