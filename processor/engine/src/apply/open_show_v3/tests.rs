use onsale_schemas::command::OpenShowV2;
use onsale_schemas::offer::Offer;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::seating::{RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{Command, Rejection};

use super::*;
use crate::examples::{general_of, opening, seated, show_of};
use crate::limits::Limits;
use crate::testing::{Machine, event_id, show_id, staff};

fn with(change: impl FnOnce(&mut OpenShowV3)) -> Command {
    let zones = vec![seated(&[4, 4]), general_of(100, 9)];
    let mut command = OpenShowV3 {
        show: show_of(zones),
        plans: vec![ZonePlan {
            zone: 0,
            rows: vec![RowPlan::default(), row(&[1, 3], &[(0, 1), (1, 3)])],
        }],
        companions_per_accessible: 8,
        offer: Offer::default(),
    };
    change(&mut command);
    Command::OpenShowV3(Box::new(command))
}

fn row(gaps: &[u16], special: &[(u16, u16)]) -> RowPlan {
    RowPlan {
        gaps: gaps.to_vec(),
        special: special
            .iter()
            .map(|&(first, count)| Special {
                first,
                count,
                kind: SeatKind::Accessible,
            })
            .collect(),
        ..RowPlan::default()
    }
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = Machine::with_limits(Limits {
        shows_max: 2,
        machine_version_known: 3,
        ..Limits::default()
    });
    m.raise_to_third();
    m.run_ok(with(|_| {}));
    let of = |show: &mut OpenShowV2, id: u8, event: u8| {
        show.show.show = show_id(id);
        show.show.event = event_id(event);
    };
    m.run_ok(with(|c| of(&mut c.show, 2, 2)));
    m.run_ok(Command::CancelEvent { event: event_id(2) });
    let bad_plan = |c: &mut OpenShowV3| c.plans[0].zone = 1;
    let bad_range = |c: &mut OpenShowV3| c.companions_per_accessible = 9;
    let bad_offer = |c: &mut OpenShowV3| c.offer.tax_bp = 10_001;
    // Each case has its own fault and all later ones; the table is full throughout.
    let all = |c: &mut OpenShowV3| {
        of(&mut c.show, 1, 2);
        bad_plan(c);
        bad_range(c);
        bad_offer(c);
    };
    m.expect_refusal_by(staff(Some(20)), with(all), Rejection::UnknownShow);
    let cases = [
        (
            with(|c| {
                all(c);
                c.plans[0].zone = 0;
                c.show.show.zones[1] = general_of(1, 0);
            }),
            invalid(InvalidReason::Layout),
        ),
        (with(all), invalid(InvalidReason::Layout)),
        (
            with(|c| {
                all(c);
                c.plans[0].zone = 0;
                c.companions_per_accessible = 0;
                c.show.show.hold_ms = 1;
            }),
            invalid(InvalidReason::OutOfRange),
        ),
        (
            with(|c| {
                all(c);
                c.plans[0].zone = 0;
            }),
            invalid(InvalidReason::OutOfRange),
        ),
        (
            with(|c| {
                of(&mut c.show, 1, 2);
                bad_offer(c);
            }),
            invalid(InvalidReason::Offer),
        ),
        (with(|c| of(&mut c.show, 1, 2)), Rejection::ShowExists),
        (with(|c| of(&mut c.show, 3, 2)), Rejection::ShowCancelled),
        (
            with(|c| of(&mut c.show, 3, 3)),
            Rejection::Full {
                table: FullTable::Shows,
            },
        ),
    ];
    for (command, expected) in cases {
        m.expect_refusal(command, expected);
    }
    // The same values are the same answer; any other value is another show.
    m.run_ok(with(|_| {}));
    m.expect_refusal(with(|c| c.plans[0].rows[0].rank = 1), Rejection::ShowExists);
    m.expect_refusal(
        with(|c| c.companions_per_accessible = 7),
        Rejection::ShowExists,
    );
    m.partition.self_check().unwrap();
}

#[test]
fn plans_keep_to_their_rows() {
    let two_rows = |first: RowPlan| {
        vec![ZonePlan {
            zone: 0,
            rows: vec![first, RowPlan::default()],
        }]
    };
    let focus = |focus| RowPlan {
        focus,
        ..RowPlan::default()
    };
    let ordinary = RowPlan {
        special: vec![Special {
            first: 0,
            count: 1,
            kind: SeatKind::Ordinary,
        }],
        ..RowPlan::default()
    };
    let cases = [
        (true, two_rows(row(&[1, 2, 3], &[(0, 4)]))),
        (true, two_rows(row(&[], &[(0, 1), (1, 1), (3, 1)]))),
        (true, two_rows(focus(8))),
        (false, two_rows(focus(9))),
        (false, two_rows(row(&[0], &[]))),
        (false, two_rows(row(&[4], &[]))),
        (false, two_rows(row(&[2, 2], &[]))),
        (false, two_rows(row(&[], &[(0, 0)]))),
        (false, two_rows(row(&[], &[(3, 2)]))),
        (false, two_rows(row(&[], &[(0, 2), (1, 1)]))),
        (false, two_rows(row(&[], &[(u16::MAX, u16::MAX)]))),
        (false, two_rows(row(&[], &vec![(0, u16::MAX); 70_000]))),
        (false, two_rows(ordinary)),
        (
            false,
            vec![ZonePlan {
                zone: 0,
                rows: vec![RowPlan::default()],
            }],
        ),
        (
            false,
            vec![ZonePlan {
                zone: 2,
                rows: vec![],
            }],
        ),
        (
            false,
            [two_rows(RowPlan::default()), two_rows(RowPlan::default())].concat(),
        ),
    ];
    for (i, (valid, plans)) in cases.into_iter().enumerate() {
        let mut m = Machine::at(0);
        m.raise_to_third();
        let command = with(|c| c.plans = plans);
        if valid {
            m.run_ok(command);
        } else {
            m.expect_refusal(command, invalid(InvalidReason::Layout));
        }
        assert_eq!(m.partition.shows().count(), usize::from(valid), "case {i}");
    }
}

#[test]
fn accessible_and_companion_seats_are_limited() {
    for (rows, valid) in [(4, true), (5, false)] {
        let mut m = Machine::at(0);
        m.raise_to_third();
        let plan = ZonePlan {
            zone: 0,
            rows: vec![row(&[], &[(0, 1_024)]); rows],
        };
        let command = opening(
            vec![seated(&vec![1_024; rows])],
            vec![plan],
            0,
            Offer::default(),
        );
        let opened = m.run(command);
        assert_eq!(crate::testing::rejected(&opened).is_none(), valid);
    }
}

#[test]
fn counts_as_unreadable_before_its_version() {
    let mut m = Machine::at(0);
    m.apply_machine(Command::Barrier { machine_version: 2 });
    m.apply_as(None, with(|_| {}));
    assert_eq!(m.partition.shows().count(), 0);
    m.raise_to_third();
    m.run_ok(with(|_| {}));
}
