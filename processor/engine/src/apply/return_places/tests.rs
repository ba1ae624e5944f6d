use onsale_schemas::Command;
use onsale_schemas::offer::Offer;
use onsale_schemas::outcome::Confirmed;

use super::super::places::invalid;
use super::*;
use crate::examples::{general_of, give_back, order, places, seated, seats, start};
use crate::testing::{Machine, show_id, staff};

fn machine() -> Machine {
    start(vec![seated(&[9]), general_of(30, 9)], Offer::default())
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = machine();
    let both = [seats(0, &[3, 2]), places(1, 2)];
    let sold = m.hold(order(1, &both, None)).booking;
    m.run_ok(m.confirm(sold, "p"));
    let expired = m
        .hold(order(1, &[seats(0, &[5]), places(1, 1)], None))
        .booking;
    m.now = 600_000;
    let held = m.hold_plain(order(1, &[seats(0, &[6])], None)).booking;
    let returned = m.hold_plain(order(1, &[seats(0, &[7])], None)).booking;
    m.run_ok(Command::Return { booking: returned });
    let not_of = |seats: &[u32], line| Rejection::PlacesNotOfBooking {
        seats: seats.into(),
        line,
    };
    let many: Vec<u32> = (0..101).map(|seat| seat / 2).collect();
    let cases = [
        (999, vec![], vec![], invalid(InvalidReason::NothingAsked)),
        (
            999,
            many.clone(),
            vec![(0, 0)],
            invalid(InvalidReason::NothingAsked),
        ),
        (999, many, vec![], invalid(InvalidReason::TooMany)),
        (
            999,
            vec![],
            vec![(1, 1); 101],
            invalid(InvalidReason::TooMany),
        ),
        (
            999,
            vec![8, 8],
            vec![],
            invalid(InvalidReason::DuplicateSeat),
        ),
        (
            999,
            vec![],
            vec![(7, 1), (7, 2)],
            invalid(InvalidReason::DuplicateSeat),
        ),
        (999, vec![8], vec![], Rejection::UnknownBooking),
        (held, vec![8], vec![], Rejection::NotConfirmed),
        (returned, vec![8], vec![], Rejection::AlreadyCancelled),
        (expired, vec![8], vec![], Rejection::ReservationExpired),
        (sold, vec![8, 3, 1], vec![(9, 1)], not_of(&[8, 1], None)),
        (sold, vec![3], vec![(1, 1), (9, 1)], not_of(&[], Some(9))),
        (sold, vec![3], vec![(0, 1), (9, 1)], not_of(&[], Some(0))),
        (sold, vec![3], vec![(1, 3)], not_of(&[], Some(1))),
    ];
    for (booking, seats, places, expected) in cases {
        m.expect_refusal(give_back(booking, &seats, &places), expected);
    }
    m.expect_refusal_by(
        staff(Some(20)),
        give_back(sold, &[3], &[]),
        Rejection::UnknownBooking,
    );
    m.run_by(staff(Some(10)), give_back(sold, &[3], &[(1, 1)]));
    m.partition.self_check().unwrap();
    m.expect_refusal(give_back(sold, &[3], &[]), not_of(&[3], None));
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(give_back(sold, &[8], &[]), Rejection::ShowCancelled);
}

/// A plain booking stays one, whatever comes back of it.
#[test]
fn a_plain_booking_stays_plain() {
    let mut m = machine();
    let booking = m.reserve_seats(1, 1, 0, &[5, 4, 3, 8]);
    m.amend(show_id(1), |amend| {
        amend.max_tickets_per_user = Some(4);
        amend.prices = vec![(0, 7)];
    });
    m.run_ok(m.confirm(booking, "p"));
    m.expect_refusal(
        m.seats(1, 1, 0, &[0]),
        Rejection::MaxPerUserExceeded {
            limit: 4,
            current: 4,
        },
    );
    let returned = m.returned(give_back(booking, &[8, 4], &[]));
    assert_eq!((returned.refund_price, returned.total), (200, 200));
    assert_eq!(&returned.parts[0].seats[..], [4, 8]);
    assert_eq!(&returned.lines[0].seats[..], [5, 3]);
    let Outcome::Confirmed(Confirmed {
        seats,
        quantity,
        first,
        ..
    }) = m.run_ok(m.confirm(booking, "p"))
    else {
        panic!("confirmed");
    };
    assert_eq!((&seats[..], quantity, first), (&[5, 3][..], 2, false));
    m.reserve_seats(1, 1, 0, &[4]);
    let Outcome::Released {
        booking: ended,
        was_confirmed: true,
    } = m.run_ok(Command::Return { booking })
    else {
        panic!("released");
    };
    assert_eq!((&ended.seats[..], ended.quantity), (&[5, 3][..], 2));
    m.partition.self_check().unwrap();
    assert_eq!(m.partition.stats().available, 8 + 9);
}

#[test]
fn general_places_come_back_one_by_one() {
    let mut m = machine();
    let booking = m.reserve_general(1, 1, 1, 2);
    m.run_ok(m.confirm(booking, "p"));
    let first = m.returned(give_back(booking, &[], &[(0, 1)]));
    assert_eq!((first.total, first.ended), (30, false));
    let last = m.returned(give_back(booking, &[], &[(0, 1)]));
    assert_eq!((last.total, last.ended), (0, true));
    assert_eq!(last.lines[0].quantity, 0);
    // It is kept for an hour, with nothing, and then forgotten.
    m.partition.self_check().unwrap();
    m.expect_refusal(m.confirm(booking, "p"), Rejection::AlreadyCancelled);
    m.advance(onsale_schemas::limits::ENDED_BOOKING_KEPT_MS);
    m.expect_refusal(m.confirm(booking, "p"), Rejection::UnknownBooking);
    m.tick();
    assert_eq!(m.partition.state.orders.len(), 0);
    m.partition.self_check().unwrap();
}
