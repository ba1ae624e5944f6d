use super::*;
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::outcome::{PlacesReturned, ZonePlaces};

pub(super) fn give_back(booking: Offset, seats: &[SeatIndex], places: &[(u8, u32)]) -> Command {
    Command::ReturnPlaces(ReturnPlaces {
        booking,
        seats: SeatList::from(seats),
        places: places.to_vec(),
    })
}

fn returned(script: &mut Script, command: Command) -> PlacesReturned {
    match script.run(command) {
        Outcome::PlacesReturned(returned) => *returned,
        other => panic!("{other:?}"),
    }
}

#[test]
fn e16_place_by_place() {
    let mut script = family();
    let items = vec![typed(&[(1, 2), (2, 1)])];
    let reserved = held(&mut script, 1, items, Some(code(1)));
    let booking = reserved.booking;
    script.run(pay(booking, Some(252_228)));

    let one = returned(&mut script, give_back(booking, &[], &[(0, 1)]));
    assert_eq!((one.refund_price, one.refund_fees), (91_800, 4_754));
    assert_eq!((one.total, one.tax, one.ended), (155_674, 10_185, false));
    assert_eq!(one.lines[0].quantity, 1);
    assert!(one.lines.iter().all(|line| line.bundle == Some(1)));
    assert_eq!(live(&script.model), 1);
    // Paying again compares with what was reserved, and tells what is left.
    let again = script.run(pay(booking, Some(252_228)));
    assert!(matches!(again, Outcome::ConfirmedV2(it) if it.total == 155_674 && !it.first));

    let rest = returned(&mut script, give_back(booking, &[], &[(0, 1), (1, 1)]));
    assert_eq!((rest.refund_price, rest.refund_fees), (145_800, 9_874));
    assert_eq!((rest.total, rest.tax, rest.ended), (0, 0, true));
    assert_eq!((rest.order_fee, rest.order_fee_tax), (0, 0));
    assert_eq!(rest.lines.len(), 2);
    assert_eq!(live(&script.model), 0);
    assert_eq!(
        script.run(give_back(booking, &[], &[(0, 1)])),
        refused(Rejection::AlreadyCancelled)
    );
}

#[test]
fn e23_no_companion_stays_alone() {
    let mut script = super::halls::with_companion();
    let (booking, _) = granted(&mut script, 1, vec![named(&[0, 1])], None);
    script.run(pay(booking, None));
    assert_eq!(
        script.run(give_back(booking, &[0], &[])),
        refused(Rejection::CompanionAlone {
            companions: 1,
            allowed: 0
        })
    );
    let both = returned(&mut script, give_back(booking, &[0, 1], &[]));
    assert!(both.ended);
    let parts = vec![ZonePlaces {
        zone: 0,
        seats: seats(&[0, 1]),
        quantity: 2,
    }];
    assert_eq!(both.parts, parts);
}

#[test]
fn places_of_others_are_named() {
    let mut script = house(opening(
        vec![seated(&[9]), general(5, b"THB")],
        Offer::default(),
    ));
    let items = vec![named(&[4, 2]), places(1, 2)];
    let reserved = held(&mut script, 1, items, None);
    let booking = reserved.booking;
    assert_eq!(
        script.run(give_back(booking, &[4], &[])),
        refused(Rejection::NotConfirmed)
    );
    script.run(pay(booking, None));
    let not_of_it = |list: &[SeatIndex], line| {
        refused(Rejection::PlacesNotOfBooking {
            seats: seats(list),
            line,
        })
    };
    for (list, lines, want) in [
        (&[4, 7, 3][..], &[(9, 1)][..], not_of_it(&[7, 3], None)),
        (&[4], &[(1, 3)], not_of_it(&[], Some(1))),
        (&[4], &[(0, 1)], not_of_it(&[], Some(0))),
        (&[], &[(2, 1)], not_of_it(&[], Some(2))),
    ] {
        assert_eq!(script.run(give_back(booking, list, lines)), want);
    }
    let some = returned(&mut script, give_back(booking, &[2], &[(1, 2)]));
    assert_eq!(some.lines[0].seats, seats(&[4]));
    assert_eq!((some.lines[1].quantity, some.total), (0, 1_000));
    // Zones in the order of lines, and one without a place is left out.
    let end = script.run(Command::Return { booking });
    let Outcome::ReleasedV2(end) = end else {
        panic!("{end:?}")
    };
    assert_eq!(end.parts.len(), 1);
    assert_eq!((end.parts[0].zone, end.parts[0].quantity), (0, 1));
}
