//! Reserve of the first version.

use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{Command, Outcome, Rejection, SeatIndex};

use crate::model::ModelLimits;
use crate::model::testing::{
    CLOSES, PRICE, Script, limits, rejected, reserve, reserve_general, reserve_seats, seats, short,
    show, show_id, unavailable, user,
};

const OPENS_AT: u64 = 5_000;

fn ask(show: u8, zone: u16, pick: Pick) -> Command {
    Command::Reserve(Reserve {
        show: show_id(show),
        user: user(1),
        zone,
        pick,
        expected_unit_price: Some(PRICE + 1),
    })
}

/// Each step lifts just the rule that refused before it, so each refusal wins over all that
/// come after it.
#[test]
fn refuses_in_order() {
    let mut script = Script::with(ModelLimits {
        bookings_max: 2,
        ..limits()
    });
    let mut late = show(2);
    late.sale_opens_at_ms = OPENS_AT;
    script.run(Command::OpenShow(late));
    // The user has its four tickets, the table is full, seat 0 is gone.
    script.hold(reserve_general(1, 1, 3));
    script.hold(reserve_seats(1, 1, &[0]));

    let list = |list: &[SeatIndex]| Pick::Seats(seats(list));
    let best = |quantity| Pick::BestAvailable {
        quantity,
        together: true,
    };
    let many: Vec<SeatIndex> = vec![0; 101];
    let cases = [
        (9, 9, list(&[]), InvalidReason::NothingAsked),
        (9, 9, best(0), InvalidReason::NothingAsked),
        (
            9,
            9,
            Pick::General { quantity: 0 },
            InvalidReason::NothingAsked,
        ),
        (9, 9, list(&many), InvalidReason::TooMany),
        (9, 9, best(101), InvalidReason::TooMany),
        (
            9,
            9,
            Pick::General { quantity: 101 },
            InvalidReason::TooMany,
        ),
        (9, 9, list(&[0, 1, 0]), InvalidReason::DuplicateSeat),
    ];
    for (show, zone, pick, reason) in cases {
        assert_eq!(script.run(ask(show, zone, pick)), rejected(reason));
    }
    assert_eq!(
        script.run(ask(9, 9, list(&[99]))),
        Outcome::Rejected(Rejection::UnknownShow)
    );
    let cases = [
        (2, 9, list(&[99]), InvalidReason::UnknownZone),
        (2, 1, list(&[99]), InvalidReason::WrongAdmission),
        (2, 1, best(5), InvalidReason::WrongAdmission),
        (
            2,
            0,
            Pick::General { quantity: 1 },
            InvalidReason::WrongAdmission,
        ),
        (2, 0, list(&[0, 10]), InvalidReason::UnknownSeat),
    ];
    for (show, zone, pick, reason) in cases {
        assert_eq!(script.run(ask(show, zone, pick)), rejected(reason));
    }
    script.now = OPENS_AT - 1;
    let early = Rejection::SaleNotOpen {
        opens_at_ms: OPENS_AT,
    };
    assert_eq!(script.run(ask(2, 0, list(&[0]))), Outcome::Rejected(early));
    script.now = OPENS_AT;
    assert_eq!(
        script.run(ask(1, 0, list(&[0]))),
        Outcome::Rejected(Rejection::PriceChanged { unit_price: PRICE })
    );
    assert_eq!(
        script.run(reserve_seats(1, 1, &[0])),
        Outcome::Rejected(Rejection::MaxPerUserExceeded {
            limit: 4,
            current: 4
        })
    );
    assert_eq!(script.run(reserve_seats(1, 2, &[2, 0])), unavailable(&[0]));
    assert_eq!(script.run(reserve(1, 2, 0, best(4))), {
        // Seats 5..=9 have room for four, so the table is what is in the way.
        let table = FullTable::Bookings;
        Outcome::Rejected(Rejection::Full { table })
    });
    let cancel = Command::CancelShow { show: show_id(1) };
    script.run(cancel);
    assert_eq!(
        script.run(ask(1, 9, list(&[99]))),
        Outcome::Rejected(Rejection::ShowCancelled)
    );
}

#[test]
fn the_sale_is_open_from_its_opening_and_closed_from_its_close() {
    for (now, open) in [
        (OPENS_AT - 1, false),
        (OPENS_AT, true),
        (CLOSES - 1, true),
        (CLOSES, false),
    ] {
        let mut script = Script::new();
        let mut late = show(2);
        late.sale_opens_at_ms = OPENS_AT;
        script.run(Command::OpenShow(late));
        script.now = now;
        let got = script.run(reserve_seats(2, 1, &[0]));
        assert_eq!(
            matches!(got, Outcome::Reserved(_)),
            open,
            "at {now}: {got:?}"
        );
    }
}

#[test]
fn a_hold_tells_all_about_itself() {
    let mut script = Script::new();
    let record = script.record(reserve_seats(1, 3, &[7, 2]));
    let Outcome::Reserved(reserved) = record.outcome else {
        panic!("{record:?}");
    };
    assert_eq!(reserved.booking, record.offset);
    assert_eq!(reserved.seats, seats(&[7, 2]), "in the order asked for");
    assert_eq!((reserved.quantity, reserved.unit_price), (2, PRICE));
    assert_eq!(reserved.expires_at_ms, script.now + 60_000);
    let view = script.model.show_seats(show_id(1)).unwrap();
    assert_eq!((view.zones[0].available, view.zones[0].held), (8, 2));
}

#[test]
fn every_lost_seat_is_listed_in_the_order_asked_for() {
    let mut script = Script::new();
    script.hold(reserve_seats(1, 1, &[1, 4, 8]));
    let got = script.run(reserve_seats(1, 2, &[8, 0, 4, 2]));
    assert_eq!(got, unavailable(&[8, 4]));
}

#[test]
fn general_admission_sells_to_the_last_place_and_not_beyond() {
    let mut script = Script::new();
    script.hold(reserve_general(1, 1, 4));
    script.hold(reserve_general(1, 2, 4));
    assert_eq!(script.run(reserve_general(1, 3, 3)), short(2));
    script.hold(reserve_general(1, 3, 2));
    assert_eq!(script.run(reserve_general(1, 4, 1)), short(0));
}

#[test]
fn the_limit_counts_over_all_shows_of_the_event_and_zero_is_none() {
    let mut script = Script::new();
    let mut free = show(2);
    free.max_tickets_per_user = 0;
    script.run(Command::OpenShow(free));
    script.hold(reserve_general(2, 1, 10));
    let want = Rejection::MaxPerUserExceeded {
        limit: 4,
        current: 10,
    };
    assert_eq!(
        script.run(reserve_general(1, 1, 1)),
        Outcome::Rejected(want)
    );
}
