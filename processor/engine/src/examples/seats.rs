//! Rules of choice: E17 to E22, E37, E38.

use super::*;

pub(super) fn no_single(zone: ZoneIndex) -> Offer {
    Offer {
        zones: vec![ZoneRule {
            zone,
            no_single_seats: true,
            code_only: false,
        }],
        ..Offer::default()
    }
}

fn alone(seats: &[u32], own: &[u64]) -> Rejection {
    Rejection::LeavesSingleSeat {
        seats: seats.into(),
        own: own.to_vec(),
    }
}

fn plan(rows: Vec<RowPlan>) -> Vec<ZonePlan> {
    vec![ZonePlan { zone: 0, rows }]
}

fn special(first: u16, count: u16, kind: SeatKind) -> Special {
    Special { first, count, kind }
}

/// Holds the seats and lets them go again.
#[track_caller]
fn granted(m: &mut Machine, list: &[u32]) {
    let held = m.hold_plain(order(1, &[seats(0, list)], None)).booking;
    m.run_ok(Command::Return { booking: held });
}

#[test]
fn e17_named_seats_leave_no_single_one() {
    let mut m = start(vec![seated(&[8])], no_single(0));
    let named = |list: &[u32]| order(1, &[seats(0, list)], None);
    m.expect_refusal(named(&[1, 2]), alone(&[0], &[]));
    granted(&mut m, &[0, 1]);
    granted(&mut m, &[2, 3]);
    m.expect_refusal(named(&[2, 4]), alone(&[3], &[]));
    // `Reserve` is bound by the same rule.
    m.expect_refusal(m.seats(1, 1, 0, &[1, 2]), alone(&[0], &[]));
}

#[test]
fn e18_an_own_hold_in_the_way_is_named() {
    let mut m = start(vec![seated(&[8]), general(1)], no_single(0));
    while m.partition.next_offset() < 9 {
        m.tick();
    }
    let own = m.hold_plain(order(1, &[seats(0, &[0, 1])], None)).booking;
    assert_eq!(own, 9);
    // A stranger who has something of the event, too.
    m.hold_plain(order(2, &[places(1, 1)], None));
    let named = |user, list: &[u32]| order(user, &[seats(0, list)], None);
    m.expect_refusal(named(1, &[3, 4]), alone(&[2], &[9]));
    m.expect_refusal(named(2, &[3, 4]), alone(&[2], &[]));
    m.expect_refusal(
        named(1, &[1, 2]),
        Rejection::SeatInOwnHold {
            seats: [1][..].into(),
            own: vec![9],
        },
    );
    let taken = Rejection::SeatUnavailable {
        seats: [1][..].into(),
    };
    m.expect_refusal(named(2, &[1, 2]), taken.clone());
    // What was bought is not a hold.
    m.run_ok(m.confirm(own, "p"));
    m.expect_refusal(named(1, &[1, 2]), taken);
}

#[test]
fn e19_what_cannot_be_helped_is_granted() {
    let mut m = start(vec![seated(&[3])], no_single(0));
    granted(&mut m, &[0, 1]);
    let middle = order(1, &[seats(0, &[1])], None);
    m.expect_refusal(middle, alone(&[0, 2], &[]));
}

#[test]
fn e20_best_available_and_a_gap() {
    let three = || order(1, &[best(0, 3, true, SeatKind::Ordinary)], None);
    let mut m = start(vec![seated(&[8])], Offer::default());
    assert_eq!(m.seats_held(three()), [2, 3, 4]);
    let gap = RowPlan {
        gaps: vec![4],
        ..RowPlan::default()
    };
    let mut m = start_with(vec![seated(&[8])], plan(vec![gap]), 0, Offer::default());
    assert_eq!(m.seats_held(three()), [1, 2, 3]);
}

#[test]
fn e21_focus_and_rank() {
    let two = || order(1, &[best(0, 2, true, SeatKind::Ordinary)], None);
    let row = |focus, rank| RowPlan {
        focus,
        rank,
        ..RowPlan::default()
    };
    let cases: [(&[u16], Vec<RowPlan>, [u32; 2]); 3] = [
        (&[10], vec![row(0, 3)], [4, 5]),
        (&[10], vec![row(6, 3)], [2, 3]),
        (&[10, 10], vec![row(0, 5), row(0, 1)], [14, 15]),
    ];
    for (rows, plans, expected) in cases {
        let mut m = start_with(vec![seated(rows)], plan(plans), 0, Offer::default());
        assert_eq!(m.seats_held(two()), expected);
    }
}

/// A row of 6 whose seat 0 is accessible and whose seat 1 is for a companion.
pub(super) fn e22() -> Machine {
    let row = RowPlan {
        special: vec![
            special(0, 1, SeatKind::Accessible),
            special(1, 1, SeatKind::Companion),
        ],
        ..RowPlan::default()
    };
    start_with(vec![seated(&[6])], plan(vec![row]), 1, Offer::default())
}

#[test]
fn e22_companions_come_with_someone() {
    let both = [
        best(0, 1, true, SeatKind::Accessible),
        best(0, 1, true, SeatKind::Companion),
    ];
    let two = [best(0, 2, true, SeatKind::Ordinary)];
    assert_eq!(e22().seats_held(order(1, &two, None)), [2, 3]);
    let mut m = e22();
    m.expect_refusal(
        order(1, &[seats(0, &[1])], None),
        Rejection::CompanionAlone {
            companions: 1,
            allowed: 0,
        },
    );
    m.hold_plain(order(1, &[seats(0, &[0, 1])], None));
    m.expect_refusal(
        order(1, &[best(0, 1, false, SeatKind::Accessible)], None),
        Rejection::InsufficientStock {
            available: 0,
            not_together: false,
        },
    );
    assert_eq!(e22().seats_held(order(1, &both, None)), [0, 1]);
    // All ordinary seats are taken, and the others are kept from who does not ask.
    let mut m = e22();
    m.seats_held(order(1, &[best(0, 4, true, SeatKind::Ordinary)], None));
    m.expect_refusal(
        m_reserve_best(1),
        Rejection::InsufficientStock {
            available: 0,
            not_together: false,
        },
    );
}

fn m_reserve_best(quantity: u32) -> Command {
    Command::Reserve(onsale_schemas::command::Reserve {
        show: show_id(1),
        user: user_id(1),
        zone: 0,
        pick: onsale_schemas::command::Pick::BestAvailable {
            quantity,
            together: false,
        },
        expected_unit_price: None,
    })
}

#[test]
fn e37_runs_end_at_gaps_and_at_seats_taken_away() {
    let gap = RowPlan {
        gaps: vec![4],
        ..RowPlan::default()
    };
    let mut m = start_with(vec![seated(&[8])], plan(vec![gap]), 0, no_single(0));
    let named = |list: &[u32]| order(1, &[seats(0, list)], None);
    m.expect_refusal(named(&[1, 2]), alone(&[0, 3], &[]));
    granted(&mut m, &[4, 5]);
    let mut m = start(vec![seated(&[8])], no_single(0));
    m.run_ok(super::halls::take(&[3]));
    m.expect_refusal(named(&[1]), alone(&[0, 2], &[]));
}

#[test]
fn e38_the_row_comes_before_the_seat() {
    let rows = vec![
        RowPlan {
            special: vec![
                special(0, 1, SeatKind::Accessible),
                special(3, 1, SeatKind::Companion),
            ],
            ..RowPlan::default()
        },
        RowPlan {
            special: vec![special(0, 1, SeatKind::Companion)],
            ..RowPlan::default()
        },
    ];
    let mut m = start_with(vec![seated(&[4, 4])], plan(rows), 1, Offer::default());
    let both = [
        best(0, 1, true, SeatKind::Accessible),
        best(0, 1, true, SeatKind::Companion),
    ];
    assert_eq!(m.seats_held(order(1, &both, None)), [0, 3]);
}
