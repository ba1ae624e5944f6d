use onsale_schemas::Command;
use onsale_schemas::offer::Offer;
use onsale_schemas::rejection::InvalidReason;

use super::super::places::invalid;
use super::*;
use crate::examples::{general_of, order, places, seated, seats, start};
use crate::testing::{show_id, staff};

fn take(zone: u16, places: BlockPlaces) -> Command {
    Command::TakeSeats(SeatBlock {
        show: show_id(1),
        zone,
        places,
    })
}

fn take_seats(zone: u16, list: &[u32]) -> Command {
    take(zone, BlockPlaces::Seats(list.into()))
}

fn take_places(zone: u16, quantity: u32) -> Command {
    take(zone, BlockPlaces::Quantity(quantity))
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = start(vec![seated(&[6]), general_of(100, 4)], Offer::default());
    let sold = m.hold_plain(order(1, &[seats(0, &[2])], None)).booking;
    m.run_ok(m.confirm(sold, "p"));
    m.hold_plain(order(1, &[seats(0, &[4])], None));
    m.run_ok(m.block_seats(1, 0, &[5]));
    m.hold_plain(order(1, &[places(1, 1)], None));
    m.expect_refusal(take_seats(9, &[]), invalid(InvalidReason::NothingAsked));
    m.expect_refusal(take_places(9, 0), invalid(InvalidReason::NothingAsked));
    let many: Vec<u32> = (0..10_000).collect();
    m.expect_refusal(
        take_seats(9, &[7, 7]),
        invalid(InvalidReason::DuplicateSeat),
    );
    m.expect_refusal_by(
        staff(Some(20)),
        take_seats(9, &many),
        Rejection::UnknownShow,
    );
    m.expect_refusal(take_seats(9, &[77]), invalid(InvalidReason::UnknownZone));
    m.expect_refusal(take_seats(1, &[77]), invalid(InvalidReason::WrongAdmission));
    m.expect_refusal(take_places(0, 9), invalid(InvalidReason::WrongAdmission));
    m.expect_refusal(take_seats(0, &[4, 77]), invalid(InvalidReason::UnknownSeat));
    m.expect_refusal(
        take_seats(0, &[4, 1, 2]),
        Rejection::SeatUnavailable {
            seats: [4, 2][..].into(),
        },
    );
    m.expect_refusal(
        take_places(1, 4),
        Rejection::InsufficientStock {
            available: 3,
            not_together: false,
        },
    );
    let outcome = m.run_ok(take_seats(0, &[5, 1]));
    assert_eq!(
        outcome,
        Outcome::SeatsTaken(BlockChange {
            show: show_id(1),
            zone: 0,
            seats: [5, 1][..].into(),
            quantity: 2,
        })
    );
    m.run_ok(take_places(1, 3));
    m.partition.self_check().unwrap();
    let zones = m.partition.show_seats(show_id(1)).unwrap().zones;
    assert_eq!((zones[0].available, zones[0].blocked), (2, 0));
    assert_eq!((zones[1].available, zones[1].held), (0, 1));
    // For good: nobody can block, unblock or take it, and it does not come back.
    for command in [
        m.block_seats(1, 0, &[1]),
        Command::Unblock(SeatBlock {
            show: show_id(1),
            zone: 0,
            places: BlockPlaces::Seats([5][..].into()),
        }),
        take_seats(0, &[5]),
    ] {
        m.expect_refusal(command, invalid(InvalidReason::UnknownSeat));
    }
    let seen = m.partition.show_seats(show_id(1)).unwrap().unavailable;
    let seen: Vec<u32> = seen.iter().map(|(seat, _)| *seat).collect();
    assert_eq!(seen, [1, 2, 4, 5]);
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(take_seats(9, &[77]), Rejection::ShowCancelled);
    m.partition.self_check().unwrap();
}

/// A hold that ran out cannot have a seat back that is gone.
#[test]
fn a_late_payment_does_not_bring_a_seat_back() {
    let mut m = start(vec![seated(&[6])], Offer::default());
    let held = m.hold_plain(order(1, &[seats(0, &[2])], None)).booking;
    m.now = 600_000;
    m.run_ok(take_seats(0, &[2]));
    m.expect_refusal(m.confirm(held, "p"), Rejection::ReservationExpired);
    m.partition.self_check().unwrap();
}
