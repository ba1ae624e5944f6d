use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::outcome::{
    EndedBooking, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2, ZonePlaces,
};
use onsale_schemas::{EventId, SeatList, UserId};

use super::*;

const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const USER: UserId = UserId::from_bytes([2; 16]);
const OTHER_SHOW: ShowId = ShowId::from_bytes([3; 16]);

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
        seats: seats.into(),
        quantity,
        rule: PriceRule::Zone,
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

/// Two lines in zone 0 and one in zone 1, six places.
fn reserved() -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 5,
        show: SHOW,
        event: EventId::from_bytes([4; 16]),
        user: USER,
        lines: vec![line(0, &[7], 1), line(1, &[], 3), line(0, &[8, 9], 2)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 6,
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: None,
        expires_at_ms: 9,
    }))
}

fn asking(show: ShowId, zones: impl IntoIterator<Item = ZoneIndex>) -> Command {
    let item = |zone| Item {
        zone,
        pick: PickV2::General { quantity: 1 },
        types: Vec::new(),
    };
    Command::ReserveV2(ReserveV2 {
        show,
        user: USER,
        items: zones.into_iter().map(item).collect(),
        code: None,
        expected_total: None,
    })
}

/// Requests, granted ones, places, and places given back.
fn figures(count: &Count) -> (u64, u64, u64, u64) {
    let ahead = &count.ahead;
    (
        ahead.requests,
        ahead.granted,
        ahead.places,
        ahead.places_given_back,
    )
}

#[test]
fn each_zone_of_an_order_counts_it_once_with_its_own_places() {
    let record = record(5, reserved());
    let asked = asked_zones(&asking(SHOW, [0, 1, 0]));
    assert_eq!(asked, [(SHOW, 0), (SHOW, 1)]);
    assert_eq!(Count::zones_of(&asked, &record), [(SHOW, 0), (SHOW, 1)]);
    let by_outcome = Count::zones_of(&[], &record);
    assert_eq!(by_outcome, [(SHOW, 0), (SHOW, 1)]);
    for (zone, expected) in [
        ((SHOW, 0), (1, 1, 3, 0)),
        ((SHOW, 1), (1, 1, 3, 0)),
        ((SHOW, 2), (0, 0, 0, 0)),
        ((OTHER_SHOW, 0), (0, 0, 0, 0)),
    ] {
        let mut count = Count::new(0);
        count.record(zone, asked.contains(&zone), &record);
        assert_eq!(figures(&count), expected, "{zone:?}");
    }
    let replay = OutcomeRecord {
        replay_of: Some(onsale_schemas::outcome::Replayed {
            offset: 5,
            log_time_ms: 0,
        }),
        ..record
    };
    let mut count = Count::new(0);
    count.record((SHOW, 0), true, &replay);
    assert_eq!(figures(&count), (0, 0, 0, 0), "an equal answer");
}

#[test]
fn places_of_every_zone_are_given_back() {
    let released = Outcome::ReleasedV2(ReleasedV2 {
        booking: 5,
        show: SHOW,
        user: USER,
        parts: vec![part(0, 3), part(1, 2)],
        was_confirmed: false,
    });
    let returned = Outcome::PlacesReturned(Box::new(PlacesReturned {
        booking: 5,
        show: SHOW,
        user: USER,
        parts: vec![part(1, 2)],
        refund_price: 2,
        refund_fees: 0,
        lines: vec![line(0, &[7], 1), line(1, &[], 1)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 2,
        tax: 0,
        currency: "THB".parse().unwrap(),
        ended: false,
    }));
    let in_zone = |zone, quantity| EndedBooking {
        booking: 5,
        show: SHOW,
        user: USER,
        zone,
        seats: SeatList::new(),
        quantity,
    };
    let expired = OutcomeRecord {
        expired: vec![in_zone(0, 3), in_zone(1, 2)],
        ..record(6, Outcome::Nothing)
    };
    for (record, [zone_0, zone_1]) in [
        (record(6, released), [3, 2]),
        (record(6, returned), [0, 2]),
        (expired, [3, 2]),
    ] {
        let touched = Count::zones_of(&[], &record);
        for (zone, given_back) in [((SHOW, 0), zone_0), ((SHOW, 1), zone_1)] {
            assert_eq!(touched.contains(&zone), given_back > 0, "{record:?}");
            let mut count = Count::new(0);
            count.record(zone, false, &record);
            assert_eq!(figures(&count), (0, 0, 0, given_back), "{record:?}");
        }
    }
}

#[test]
fn refused_orders_were_ahead_in_every_zone_that_they_asked_for() {
    let early = Rejection::TypeNotOnSale {
        ticket_type: 1,
        opens_at_ms: Some(9),
    };
    let late = Rejection::TypeNotOnSale {
        ticket_type: 1,
        opens_at_ms: None,
    };
    for (refused, requests) in [(early, 0), (late, 1), (Rejection::SaleClosed, 1)] {
        let record = record(6, Outcome::Rejected(refused));
        for zone in asked_zones(&asking(SHOW, [4, 2])) {
            let mut count = Count::new(0);
            count.record(zone, true, &record);
            assert_eq!(figures(&count), (requests, 0, 0, 0), "{record:?}");
        }
    }
    let too_many = asked_zones(&asking(SHOW, 0..1_000));
    assert_eq!(too_many.len(), ITEMS_PER_ORDER_MAX);
}

#[test]
fn the_zone_that_an_answer_names_is_told_of_and_seats_are_found_in_all() {
    let asked = [(SHOW, 0), (SHOW, 1)];
    let mut counts = HashMap::from(asked.map(|zone| (zone, Count::new(2))));
    let order = record(5, reserved());
    for (zone, count) in &mut counts {
        count.record(*zone, false, &order);
    }
    counts.get_mut(&(SHOW, 1)).unwrap().record(
        (SHOW, 1),
        true,
        &record(6, Outcome::Rejected(Rejection::SaleClosed)),
    );
    let ahead = |outcome| {
        let count_of = |zone: Zone| counts.get(&zone);
        ahead_of(&asked, &record(7, outcome), count_of, 0, None).unwrap()
    };
    let out_of_zone_1 = Rejection::InsufficientStockOf {
        item: 1,
        zone: 1,
        available: 0,
        not_together: false,
    };
    assert_eq!(ahead(Outcome::Rejected(out_of_zone_1)).requests, 2);
    let taken = |seats: &[SeatIndex]| Rejection::SeatUnavailable {
        seats: seats.into(),
    };
    let found = ahead(Outcome::Rejected(taken(&[9, 7, 50])));
    assert_eq!(found.requests, 1);
    assert_eq!(found.taken_at, [(9, Some(5)), (7, Some(5)), (50, None)]);
    let own = Rejection::SeatInOwnHold {
        seats: [8].as_slice().into(),
        own: vec![5],
    };
    assert_eq!(ahead(Outcome::Rejected(own)).taken_at, [(8, Some(5))]);
    let count_of = |zone: Zone| counts.get(&zone);
    assert_eq!(
        ahead_of(&[], &record(7, Outcome::Nothing), count_of, 0, None),
        None,
        "nothing was asked for"
    );
}
