//! Halls that change, and what stays of a booking: E23 to E25.

use super::*;
use onsale_schemas::command::BlockPlaces;
use onsale_schemas::rejection::InvalidReason;

pub(super) fn take(list: &[u32]) -> Command {
    Command::TakeSeats(SeatBlock {
        show: show_id(1),
        zone: 0,
        places: BlockPlaces::Seats(list.into()),
    })
}

pub(super) fn add(expected: u32, addition: Addition) -> Command {
    Command::AddSeats(Box::new(AddSeats {
        show: show_id(1),
        expected,
        addition,
    }))
}

#[test]
fn e23_a_companion_does_not_stay_alone() {
    let mut m = super::seats::e22();
    let held = m.hold_plain(order(1, &[seats(0, &[0, 1])], None)).booking;
    m.run_ok(m.confirm(held, "p"));
    m.expect_refusal(
        give_back(held, &[0], &[]),
        Rejection::CompanionAlone {
            companions: 1,
            allowed: 0,
        },
    );
    let returned = m.returned(give_back(held, &[1, 0], &[]));
    assert!(returned.ended);
    // In the order of the line.
    assert_eq!(&returned.parts[0].seats[..], [0, 1]);
    assert_eq!(m.partition.stats().available, 6);
}

#[test]
fn e24_what_is_added_moves_nothing() {
    let mut m = start(vec![seated(&[4, 4]), general_of(100, 9)], Offer::default());
    let row = |expected| {
        add(
            expected,
            Addition::Rows {
                zone: 0,
                rows: vec![3],
                plans: vec![],
            },
        )
    };
    let held = m.hold_plain(order(1, &[seats(0, &[7])], None)).booking;
    let added = |zone, first_seat, places| Outcome::SeatsAdded {
        show: show_id(1),
        zone,
        first_seat,
        places,
    };
    assert_eq!(m.run_ok(row(8)), added(0, 8, 3));
    m.expect_refusal(row(8), Rejection::LayoutChanged { now: 11 });
    let zone = Addition::Zone {
        layout: seated(&[2]),
        plan: vec![],
    };
    assert_eq!(m.run_ok(add(2, zone)), added(2, 11, 2));
    m.partition.self_check().unwrap();
    assert_eq!(m.booking(held).seats[..], [7]);
    m.hold_plain(order(1, &[seats(0, &[8, 10])], None));
    m.hold_plain(order(1, &[seats(2, &[11])], None));
    m.expect_refusal(
        order(1, &[seats(2, &[10])], None),
        Rejection::Invalid {
            reason: InvalidReason::UnknownSeat,
        },
    );
    let rest = m.seats_held(order(1, &[best(0, 8, false, SeatKind::Ordinary)], None));
    assert_eq!(rest, [0, 1, 2, 3, 4, 5, 6, 9]);
    m.partition.self_check().unwrap();
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.partition.self_check().unwrap();
    let zones = m.partition.show_seats(show_id(1)).unwrap().zones;
    let free: Vec<u32> = zones.iter().map(|zone| zone.available).collect();
    assert_eq!(free, [11, 9, 2]);
}

/// Ranks being equal, rows stand in the order in which they came.
#[test]
fn rows_added_later_come_after_those_before() {
    let mut m = start(vec![seated(&[2])], Offer::default());
    for (expected, length) in [(2, 3), (5, 4)] {
        let rows = Addition::Rows {
            zone: 0,
            rows: vec![length],
            plans: vec![],
        };
        m.run_ok(add(expected, rows));
    }
    let five = order(1, &[best(0, 5, false, SeatKind::Ordinary)], None);
    assert_eq!(m.seats_held(five), [0, 1, 2, 3, 4]);
}

#[test]
fn e25_a_seat_taken_away_is_not_of_the_show() {
    let mut m = start(vec![seated(&[4])], Offer::default());
    m.run_ok(take(&[1]));
    let two = order(1, &[best(0, 2, true, SeatKind::Ordinary)], None);
    assert_eq!(m.seats_held(two), [2, 3]);
    let unknown = Rejection::Invalid {
        reason: InvalidReason::UnknownSeat,
    };
    m.expect_refusal(order(1, &[seats(0, &[1])], None), unknown.clone());
    m.expect_refusal(m.seats(1, 1, 0, &[1]), unknown.clone());
    m.expect_refusal(take(&[1]), unknown);
    m.run_ok(Command::CancelShow { show: show_id(1) });
    let counts = m.partition.show_seats(show_id(1)).unwrap().zones[0];
    assert_eq!((counts.available, counts.blocked), (3, 0));
    m.partition.self_check().unwrap();
}
