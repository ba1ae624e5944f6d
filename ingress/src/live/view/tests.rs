use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{
    ConfirmedV2, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2,
};
use onsale_schemas::{SeatList, UserId};

use super::*;

const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const EVENT: EventId = EventId::from_bytes([2; 16]);
const USER: UserId = UserId::from_bytes([3; 16]);
const THB: Currency = Currency(*b"THB");

/// Six seats and four places of general admission, all of them free.
fn view() -> View {
    let free = |available| ZoneCounts {
        available,
        ..ZoneCounts::default()
    };
    let seed = ShowSeats {
        show: SHOW,
        next_offset: 10,
        cancelled: false,
        zones: vec![free(6), free(4)],
        unavailable: Vec::new(),
    };
    View::new(&seed, EVENT, 6)
}

fn record(offset: Offset, outcome: Outcome) -> OutcomeRecord {
    OutcomeRecord {
        offset,
        previous: None,
        log_time_ms: 0,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome,
    }
}

fn line(zone: ZoneIndex, seats: &[SeatIndex], quantity: u32) -> Line {
    Line {
        zone,
        ticket_type: 0,
        seats: SeatList::from(seats),
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

fn part(zone: ZoneIndex, seats: &[SeatIndex], quantity: u32) -> ZonePlaces {
    ZonePlaces {
        zone,
        seats: SeatList::from(seats),
        quantity,
    }
}

fn parts() -> Vec<ZonePlaces> {
    vec![part(0, &[0, 3], 2), part(1, &[], 1)]
}

/// Seats 0 and 3 in two lines, and a place of the other zone.
fn ordered() -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 10,
        show: SHOW,
        event: EVENT,
        user: USER,
        lines: vec![line(0, &[0], 1), line(0, &[3], 1), line(1, &[], 1)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 3,
        tax: 0,
        currency: THB,
        code: None,
        expires_at_ms: 1,
    }))
}

fn confirmed(revived: bool) -> Outcome {
    Outcome::ConfirmedV2(ConfirmedV2 {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: parts(),
        total: 3,
        currency: THB,
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 1,
        first: true,
        revived,
    })
}

fn released(was_confirmed: bool) -> Outcome {
    Outcome::ReleasedV2(ReleasedV2 {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: parts(),
        was_confirmed,
    })
}

/// Free, held, sold and blocked places of a zone.
fn counts(view: &View, zone: usize) -> [u32; 4] {
    let counts = view.zones()[zone];
    [counts.available, counts.held, counts.sold, counts.blocked]
}

fn unavailable(view: &View) -> Vec<(SeatIndex, SeatStatus)> {
    view.unavailable().collect()
}

#[test]
fn an_order_is_held_sold_and_given_back_in_all_its_zones() {
    let mut view = view();
    assert_eq!(shows_of(&record(10, ordered())).as_slice(), [SHOW]);
    assert_eq!(view.apply(&record(10, ordered())), Effect::Changed);
    assert_eq!(
        [counts(&view, 0), counts(&view, 1)],
        [[4, 2, 0, 0], [3, 1, 0, 0]]
    );
    view.apply(&record(11, confirmed(false)));
    assert_eq!(
        [counts(&view, 0), counts(&view, 1)],
        [[4, 0, 2, 0], [3, 0, 1, 0]]
    );
    let sold = SeatStatus::Sold;
    assert_eq!(unavailable(&view), [(0, sold), (3, sold)]);
    let back = Outcome::PlacesReturned(Box::new(PlacesReturned {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: vec![part(0, &[3], 1)],
        refund_price: 1,
        refund_fees: 0,
        lines: Vec::new(),
        order_fee: 0,
        order_fee_tax: 0,
        total: 2,
        tax: 0,
        currency: THB,
        ended: false,
    }));
    view.apply(&record(12, back));
    assert_eq!(counts(&view, 0), [5, 0, 1, 0]);
    assert_eq!(unavailable(&view), [(0, sold)]);
    assert_eq!(view.freed_before(), 13);
}

#[test]
fn an_order_that_ends_is_free_wherever_it_was() {
    for (before, after) in [
        (vec![ordered()], released(false)),
        (vec![ordered(), confirmed(false)], released(true)),
        // Its hold had run out.
        (vec![confirmed(true)], released(true)),
    ] {
        let mut view = view();
        for (offset, outcome) in (10..).zip(before) {
            view.apply(&record(offset, outcome));
        }
        view.apply(&record(20, after));
        assert_eq!(
            [counts(&view, 0), counts(&view, 1)],
            [[6, 0, 0, 0], [4, 0, 0, 0]]
        );
        assert!(unavailable(&view).is_empty());
    }
    // Expiry tells it zone by zone.
    let mut view = view();
    view.apply(&record(10, ordered()));
    let ended = |part: ZonePlaces| EndedBooking {
        booking: 10,
        show: SHOW,
        user: USER,
        zone: part.zone,
        seats: part.seats,
        quantity: part.quantity,
    };
    let mut expiry = record(11, Outcome::Nothing);
    expiry.expired = parts().into_iter().map(ended).collect();
    assert_eq!(view.apply(&expiry), Effect::Changed);
    assert_eq!(
        [counts(&view, 0), counts(&view, 1)],
        [[6, 0, 0, 0], [4, 0, 0, 0]]
    );
}

#[test]
fn places_that_come_and_go_are_counted_and_seats_that_went_are_nobodys() {
    let mut view = view();
    let change = |zone, seats: &[SeatIndex], quantity| BlockChange {
        show: SHOW,
        zone,
        seats: SeatList::from(seats),
        quantity,
    };
    let added = |zone, first_seat, places| Outcome::SeatsAdded {
        show: SHOW,
        zone,
        first_seat,
        places,
    };
    view.apply(&record(10, Outcome::Blocked(change(0, &[1], 1))));
    view.apply(&record(11, Outcome::SeatsTaken(change(0, &[1, 2], 2))));
    assert_eq!(counts(&view, 0), [4, 0, 0, 0]);
    let blocked = SeatStatus::Blocked;
    assert_eq!(unavailable(&view), [(1, blocked), (2, blocked)]);
    view.apply(&record(12, Outcome::SeatsTaken(change(1, &[], 3))));
    assert_eq!(counts(&view, 1), [1, 0, 0, 0]);
    assert_eq!(view.apply(&record(13, added(1, 0, 5))), Effect::Changed);
    assert_eq!(counts(&view, 1), [6, 0, 0, 0]);
    assert_eq!(view.freed_before(), 14);
    // A row, and a zone, that the chart does not have.
    view.apply(&record(14, added(0, 6, 2)));
    view.apply(&record(15, added(2, 8, 3)));
    assert_eq!(
        [counts(&view, 0), counts(&view, 2)],
        [[6, 0, 0, 0], [3, 0, 0, 0]]
    );
    view.apply(&record(16, Outcome::Blocked(change(2, &[9], 1))));
    assert_eq!(view.status(9), Some(blocked));
    assert_eq!(counts(&view, 2), [2, 0, 0, 1]);
    // One in between was missed.
    assert_eq!(view.apply(&record(17, added(7, 11, 1))), Effect::Reseed);
}
