//! Orders over several zones, and shows that grow.

use onsale_schemas::outcome::{
    ConfirmedV2, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2, ZonePlaces,
};

use super::*;

fn line(zone: ZoneIndex, quantity: u32) -> Line {
    Line {
        zone,
        ticket_type: 0,
        seats: SeatList::new(),
        quantity,
        rule: PriceRule::Type,
        list_price: 1,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price: 1,
        unit_fee: 0,
        unit_tax: 0,
    }
}

fn part(zone: ZoneIndex, quantity: u32) -> ZonePlaces {
    ZonePlaces {
        zone,
        seats: SeatList::new(),
        quantity,
    }
}

/// Places of both zones, where they are to be written.
fn of_both(due: &Due) -> [u32; 2] {
    let of = |wanted| {
        let mut zones = due.zones.iter();
        let zone = zones.find(|zone| zone.zone == wanted);
        zone.map_or(u32::MAX, |zone| zone.places.available)
    };
    [of(0), of(1)]
}

fn order() -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 10,
        show: SHOW,
        event: EVENT,
        user: USER,
        lines: vec![line(1, 2), line(0, 1), line(1, 4)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 7,
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: None,
        expires_at_ms: 40,
    }))
}

fn confirmed(revived: bool, first: bool) -> Outcome {
    Outcome::ConfirmedV2(ConfirmedV2 {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: vec![part(1, 6), part(0, 1)],
        total: 7,
        currency: "THB".parse().unwrap(),
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 0,
        first,
        revived,
    })
}

fn returned() -> Outcome {
    Outcome::PlacesReturned(Box::new(PlacesReturned {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: vec![part(1, 3)],
        refund_price: 3,
        refund_fees: 0,
        lines: vec![line(1, 0), line(0, 1), line(1, 3)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 4,
        tax: 0,
        currency: "THB".parse().unwrap(),
        ended: false,
    }))
}

#[test]
fn places_of_every_zone_of_an_order_count() {
    let released = Outcome::ReleasedV2(ReleasedV2 {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: vec![part(1, 3), part(0, 1)],
        was_confirmed: true,
    });
    let in_zone = |zone, quantity| EndedBooking {
        zone,
        ..ended(10, quantity)
    };
    let expired = OutcomeRecord {
        expired: vec![in_zone(1, 6), in_zone(0, 1)],
        ..record(11, Outcome::Nothing)
    };
    let cases = [
        (record(11, confirmed(false, true)), [9, 89], true),
        (record(11, confirmed(true, true)), [8, 83], true),
        (record(11, confirmed(false, false)), [9, 89], false),
        (record(11, returned()), [9, 92], true),
        (record(11, released), [10, 92], true),
        (expired, [10, 95], true),
    ];
    for (next, expected, touches_user) in cases {
        let mut fold = live();
        apply(&mut fold, 10, vec![record(10, order())]);
        fold.all_dirty();
        let due = fold.take_due();
        assert_eq!(of_both(&due), [9, 89], "the hold");
        assert!(!due.users.is_empty(), "the hold");
        let outcome = format!("{next:?}");
        apply(&mut fold, 11, vec![next]);
        fold.all_dirty();
        let due = fold.take_due();
        assert_eq!(of_both(&due), expected, "{outcome}");
        assert_eq!(!due.users.is_empty(), touches_user, "{outcome}");
    }
}

#[test]
fn all_places_of_an_order_are_tickets_of_its_buyer() {
    let mut fold = live();
    let read = UserTickets {
        version: 10,
        tickets: 5,
        until_ms: Some(90),
    };
    let due = fold.take_due().users[0];
    fold.buyer_read(&due, read);
    apply(&mut fold, 10, vec![record(10, order())]);
    let known = fold.take_due().users[0].tickets;
    let expected = UserTickets {
        version: 11,
        tickets: 12,
        until_ms: Some(40),
    };
    assert_eq!(known, Some(expected));
    apply(&mut fold, 11, vec![record(11, returned())]);
    assert_eq!(fold.take_due().users[0].tickets, None, "they are read");
}

#[test]
fn a_show_with_other_places_than_before_is_read_again() {
    let block = BlockChange {
        show: SHOW,
        zone: 1,
        seats: SeatList::new(),
        quantity: 7,
    };
    let added = Outcome::SeatsAdded {
        show: SHOW,
        zone: 1,
        first_seat: 0,
        places: 7,
    };
    for outcome in [added, Outcome::SeatsTaken(block)] {
        let mut fold = live();
        fold.take_due();
        apply(&mut fold, 10, vec![record(10, outcome.clone())]);
        assert!(fold.take_due().zones.is_empty());
        assert_eq!(fold.take_unread(9), [SHOW]);
        // One that is under way may have seen it or not.
        apply(&mut fold, 11, vec![record(11, outcome)]);
        fold.read(SHOW, Some(&places(10, 5)));
        assert!(fold.take_due().zones.is_empty());
        assert_eq!(fold.take_unread(9), [SHOW]);
        fold.read(SHOW, Some(&places(12, 5)));
        assert_eq!(available(&fold.take_due()), Some(95));
    }
}
