use super::*;
use crate::model::testing::{confirm, rejected};
use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::{AddSeats, Addition};

fn special(first: u16, kind: SeatKind) -> Special {
    Special {
        first,
        count: 1,
        kind,
    }
}

fn planned(rows: &[u16], plans: Vec<RowPlan>) -> OpenShowV3 {
    let mut open = opening(vec![seated(rows)], Offer::default());
    open.plans = vec![ZonePlan {
        zone: 0,
        rows: plans,
    }];
    open
}

fn with_gap(gap: u16) -> RowPlan {
    RowPlan {
        gaps: vec![gap],
        ..RowPlan::default()
    }
}

fn no_single(mut open: OpenShowV3) -> OpenShowV3 {
    open.offer.zones = vec![ZoneRule {
        zone: 0,
        no_single_seats: true,
        code_only: false,
    }];
    open
}

/// Example 22: a row of 6, seat 0 accessible, seat 1 for a companion.
pub(super) fn with_companion() -> Script {
    let plan = RowPlan {
        special: vec![
            special(0, SeatKind::Accessible),
            special(1, SeatKind::Companion),
        ],
        ..RowPlan::default()
    };
    let mut open = planned(&[6], vec![plan]);
    open.companions_per_accessible = 1;
    house(open)
}

fn take(list: &[SeatIndex]) -> Command {
    Command::TakeSeats(SeatBlock {
        show: show_id(SHOW),
        zone: 0,
        places: BlockPlaces::Seats(seats(list)),
    })
}

fn single(list: &[SeatIndex], own: &[Offset]) -> Outcome {
    refused(Rejection::LeavesSingleSeat {
        seats: seats(list),
        own: own.to_vec(),
    })
}

#[test]
fn e17_no_single_seat() {
    let open = no_single(opening(vec![seated(&[8])], Offer::default()));
    for (list, want) in [
        (&[1, 2][..], Some(&[0][..])),
        (&[0, 1], None),
        (&[2, 3], None),
        (&[2, 4], Some(&[3])),
    ] {
        let mut script = house(open.clone());
        let got = order(&mut script, 1, vec![named(list)], None);
        match want {
            Some(want) => assert_eq!(got, single(want, &[])),
            None => assert!(matches!(got, Outcome::Reserved(_)), "{got:?}"),
        }
    }
}

#[test]
fn e18_the_own_hold_is_named_and_no_other() {
    let open = no_single(opening(vec![seated(&[8])], Offer::default()));
    let mut script = house(open);
    let (own, _) = granted(&mut script, 1, vec![named(&[0, 1])], None);
    let alone = order(&mut script, 1, vec![named(&[3, 4])], None);
    assert_eq!(alone, single(&[2], &[own]));
    let of_others = order(&mut script, 2, vec![named(&[3, 4])], None);
    assert_eq!(of_others, single(&[2], &[]));
    let in_own = order(&mut script, 1, vec![named(&[1, 2])], None);
    assert_eq!(
        in_own,
        refused(Rejection::SeatInOwnHold {
            seats: seats(&[1]),
            own: vec![own]
        })
    );
    let lost = refused(Rejection::SeatUnavailable { seats: seats(&[1]) });
    assert_eq!(order(&mut script, 2, vec![named(&[1, 2])], None), lost);
    script.run(confirm(own, "p"));
    assert_eq!(order(&mut script, 1, vec![named(&[1, 2])], None), lost);
}

#[test]
fn e19_where_it_cannot_be_helped() {
    let open = no_single(opening(vec![seated(&[3])], Offer::default()));
    granted(&mut house(open.clone()), 1, vec![named(&[0, 1])], None);
    let middle = order(&mut house(open), 1, vec![named(&[1])], None);
    assert_eq!(middle, single(&[0, 2], &[]));
}

#[test]
fn e20_and_e21_the_best_seats() {
    let with_focus = |focus| RowPlan {
        focus,
        ..RowPlan::default()
    };
    let ranked = |rank| RowPlan {
        rank,
        ..RowPlan::default()
    };
    type Case = (&'static [u16], Vec<RowPlan>, u32, &'static [SeatIndex]);
    let cases: [Case; 5] = [
        (&[8], vec![with_focus(0)], 3, &[2, 3, 4]),
        (&[8], vec![with_gap(4)], 3, &[1, 2, 3]),
        (&[10], vec![with_focus(0)], 2, &[4, 5]),
        (&[10], vec![with_focus(6)], 2, &[2, 3]),
        (&[10, 10], vec![ranked(5), ranked(1)], 2, &[14, 15]),
    ];
    for (rows, plans, quantity, want) in cases {
        let mut script = house(planned(rows, plans));
        let got = seated_at(&mut script, 1, vec![best(quantity, SeatKind::Ordinary)]);
        assert_eq!(got, want);
    }
}

#[test]
fn e22_companions() {
    let ordinary = seated_at(&mut with_companion(), 1, vec![best(2, SeatKind::Ordinary)]);
    assert_eq!(ordinary, [2, 3]);
    let alone = order(&mut with_companion(), 1, vec![named(&[1])], None);
    let why = Rejection::CompanionAlone {
        companions: 1,
        allowed: 0,
    };
    assert_eq!(alone, refused(why));
    let both = seated_at(&mut with_companion(), 1, vec![named(&[0, 1])]);
    assert_eq!(both, [0, 1]);
    let items = vec![best(1, SeatKind::Accessible), best(1, SeatKind::Companion)];
    assert_eq!(seated_at(&mut with_companion(), 1, items), [0, 1]);
}

#[test]
fn e24_additions() {
    let nine = zone(1_000, b"THB", Admission::General { capacity: 9 });
    let mut script = house(opening(vec![seated(&[4, 4]), nine], Offer::default()));
    let rows = |expected| {
        Command::AddSeats(Box::new(AddSeats {
            show: show_id(SHOW),
            expected,
            addition: Addition::Rows {
                zone: 0,
                rows: vec![3],
                plans: Vec::new(),
            },
        }))
    };
    let added = |zone, first_seat, places| Outcome::SeatsAdded {
        show: show_id(SHOW),
        zone,
        first_seat,
        places,
    };
    assert_eq!(script.run(rows(8)), added(0, 8, 3));
    let changed = refused(Rejection::LayoutChanged { now: 11 });
    assert_eq!(script.run(rows(8)), changed);
    let new_zone = Command::AddSeats(Box::new(AddSeats {
        show: show_id(SHOW),
        expected: 2,
        addition: Addition::Zone {
            layout: seated(&[2]),
            plan: Vec::new(),
        },
    }));
    assert_eq!(script.run(new_zone), added(2, 11, 2));
    let pick = PickV2::Seats(seats(&[11, 12]));
    granted(&mut script, 1, vec![item(2, pick, &[])], None);
    granted(&mut script, 1, vec![named(&[8, 9, 10])], None);
}

#[test]
fn e25_what_is_gone_is_gone() {
    let mut script = house(opening(vec![seated(&[4])], Offer::default()));
    script.run(take(&[1]));
    let unknown = order(&mut script, 1, vec![named(&[1])], None);
    assert_eq!(unknown, rejected(InvalidReason::UnknownSeat));
    let two = seated_at(&mut script, 1, vec![best(2, SeatKind::Ordinary)]);
    assert_eq!(two, [2, 3]);
    let view = script.model.show_seats(show_id(SHOW)).unwrap();
    let counts = view.zones[0];
    assert_eq!((counts.available, counts.held, counts.blocked), (1, 2, 0));
    script.run(Command::CancelShow {
        show: show_id(SHOW),
    });
    let view = script.model.show_seats(show_id(SHOW)).unwrap();
    assert_eq!(view.zones[0].available, 3);
}

#[test]
fn e28_items_see_each_other() {
    let offer = Offer {
        types: vec![ticket_type(0), ticket_type(1)],
        prices: vec![price_of(0, 100), price_of(1, 50)],
        ..Offer::default()
    };
    let three = zone(7, b"THB", Admission::General { capacity: 3 });
    let mut script = house(opening(vec![three], offer));
    assert_eq!(
        order(&mut script, 1, vec![places(0, 2), places(0, 2)], None),
        refused(Rejection::InsufficientStockOf {
            item: 1,
            zone: 0,
            available: 1,
            not_together: false
        })
    );
    assert_eq!(live(&script.model), 0);
    let items = vec![typed(&[(0, 2)]), typed(&[(1, 1)])];
    let reserved = held(&mut script, 1, items, None);
    assert_eq!((reserved.lines.len(), reserved.total), (2, 250));
    let more = order(&mut script, 1, vec![places(0, 1)], None);
    assert_eq!(more, super::super::testing::short(0));
}

#[test]
fn e31_zones_of_one_order_expire_together() {
    let zones = vec![general(10, b"THB"), general(10, b"THB")];
    let mut script = house(opening(zones, Offer::default()));
    let reserved = held(&mut script, 1, vec![places(1, 1), places(0, 1)], None);
    script.now += u64::from(HOLD_MS);
    let record = script.machine(Command::Tick { epoch: 0 }).unwrap();
    let expired: Vec<_> = record.expired.iter().map(|e| (e.booking, e.zone)).collect();
    assert_eq!(expired, [(reserved.booking, 1), (reserved.booking, 0)]);
}

#[test]
fn e37_gaps_and_seats_taken_away_part_a_row() {
    let gap = no_single(planned(&[8], vec![with_gap(4)]));
    let got = order(&mut house(gap.clone()), 1, vec![named(&[1, 2])], None);
    assert_eq!(got, single(&[0, 3], &[]));
    granted(&mut house(gap), 1, vec![named(&[4, 5])], None);
    let mut taken = house(no_single(opening(vec![seated(&[8])], Offer::default())));
    taken.run(take(&[3]));
    let got = order(&mut taken, 1, vec![named(&[1])], None);
    assert_eq!(got, single(&[0, 2], &[]));
}

#[test]
fn e38_a_companion_sits_in_the_same_row() {
    let first = RowPlan {
        special: vec![
            special(0, SeatKind::Accessible),
            special(3, SeatKind::Companion),
        ],
        ..RowPlan::default()
    };
    let second = RowPlan {
        special: vec![special(0, SeatKind::Companion)],
        ..RowPlan::default()
    };
    let mut open = planned(&[4, 4], vec![first, second]);
    open.companions_per_accessible = 1;
    let items = vec![best(1, SeatKind::Accessible), best(1, SeatKind::Companion)];
    assert_eq!(seated_at(&mut house(open), 1, items), [0, 3]);
}

/// What the first item names or chooses is not there for the next one.
#[test]
fn items_choose_different_seats() {
    let mut script = house(opening(vec![seated(&[8])], Offer::default()));
    let items = vec![
        best(2, SeatKind::Ordinary),
        named(&[0, 1]),
        best(2, SeatKind::Ordinary),
    ];
    // 0 and 1 are named, so 2 to 7 are left: 2 and 4 are equally near and leave no single seat.
    assert_eq!(seated_at(&mut script, 1, items), [2, 3, 0, 1, 4, 5]);
}
