//! Histories that add up and ones that do not.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Confirmed, ConfirmedV2, PriceRule, Reserved, ReservedV2};
use onsale_schemas::{EventId, UserId};

use super::*;

const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const USER: UserId = UserId::from_bytes([2; 16]);

fn record(offset: Offset, outcome: Outcome) -> OutcomeRecord {
    OutcomeRecord {
        offset,
        previous: offset.checked_sub(1),
        log_time_ms: 0,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome,
    }
}

fn reserved(booking: Offset, seat: SeatIndex) -> Outcome {
    Outcome::Reserved(Reserved {
        booking,
        show: SHOW,
        event: EventId::from_bytes([3; 16]),
        user: USER,
        zone: 0,
        seats: SeatList::from(&[seat][..]),
        quantity: 1,
        unit_price: 1,
        currency: Currency(*b"THB"),
        expires_at_ms: 9,
    })
}

fn confirmed(booking: Offset, seat: SeatIndex, first: bool, revived: bool) -> Outcome {
    Outcome::Confirmed(Confirmed {
        booking,
        show: SHOW,
        user: USER,
        zone: 0,
        seats: SeatList::from(&[seat][..]),
        quantity: 1,
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 0,
        first,
        revived,
    })
}

fn ended(booking: Offset, seat: SeatIndex) -> EndedBooking {
    EndedBooking {
        booking,
        show: SHOW,
        user: USER,
        zone: 0,
        seats: SeatList::from(&[seat][..]),
        quantity: 1,
    }
}

fn released(booking: Offset, seat: SeatIndex, was_confirmed: bool) -> Outcome {
    Outcome::Released {
        booking: ended(booking, seat),
        was_confirmed,
    }
}

fn blocked(seat: SeatIndex) -> BlockChange {
    BlockChange {
        show: SHOW,
        zone: 0,
        seats: SeatList::from(&[seat][..]),
        quantity: 1,
    }
}

/// Booking 0 holds seat 7; what may and may not come next.
#[test]
fn contradictions() {
    let cancelled = Outcome::ShowCancelled { show: SHOW };
    let cases: Vec<(Vec<Outcome>, Option<&str>)> = vec![
        (vec![reserved(1, 8)], None),
        (vec![reserved(1, 7)], Some("gives 7 of")),
        (vec![reserved(0, 8)], Some("makes booking 0")),
        (vec![confirmed(0, 7, true, false)], None),
        (vec![confirmed(0, 8, true, false)], Some("confirms 0")),
        (vec![confirmed(0, 7, false, false)], Some("confirms 0")),
        (vec![confirmed(0, 7, true, true)], Some("gives 7 of")),
        (
            vec![released(0, 7, false), confirmed(0, 7, true, true)],
            None,
        ),
        (vec![released(0, 7, true)], Some("ends 0")),
        (vec![released(0, 8, false)], Some("ends 0")),
        (
            vec![released(0, 7, false), released(0, 7, false)],
            Some("ends 0"),
        ),
        (vec![released(0, 7, false), reserved(2, 7)], None),
        (vec![Outcome::Blocked(blocked(7))], Some("gives 7 of")),
        (vec![Outcome::Unblocked(blocked(8))], Some("frees 8 of")),
        (
            vec![
                Outcome::Blocked(blocked(8)),
                Outcome::Unblocked(blocked(8)),
                reserved(3, 8),
            ],
            None,
        ),
        (vec![cancelled, released(0, 7, false)], Some("ends 0")),
    ];
    for (case, (outcomes, want)) in cases.into_iter().enumerate() {
        let mut ledger = Ledger::default();
        ledger.take(&record(0, reserved(0, 7))).unwrap();
        let found = (1..)
            .zip(outcomes)
            .try_for_each(|(offset, outcome)| ledger.take(&record(offset, outcome)));
        match (found, want) {
            (Ok(()), None) => {}
            (Err(text), Some(want)) => assert!(text.contains(want), "{case}: {text}"),
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

fn line(zone: u16, seats: &[SeatIndex], quantity: u32) -> Line {
    Line {
        zone,
        ticket_type: 0,
        seats: SeatList::from(seats),
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

fn part(zone: u16, seats: &[SeatIndex], quantity: u32) -> ZonePlaces {
    ZonePlaces {
        zone,
        seats: SeatList::from(seats),
        quantity,
    }
}

/// Seats 7 and 9 of zone 0 in two lines, and three places of zone 1.
fn order() -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 0,
        show: SHOW,
        event: EventId::from_bytes([3; 16]),
        user: USER,
        lines: vec![line(0, &[9], 1), line(1, &[], 3), line(0, &[7], 1)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 5,
        tax: 0,
        currency: Currency(*b"THB"),
        code: None,
        expires_at_ms: 9,
    }))
}

fn sold(parts: Vec<ZonePlaces>) -> Outcome {
    Outcome::ConfirmedV2(ConfirmedV2 {
        booking: 0,
        show: SHOW,
        user: USER,
        parts,
        total: 5,
        currency: Currency(*b"THB"),
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 1,
        first: true,
        revived: false,
    })
}

fn returned(parts: Vec<ZonePlaces>, lines: Vec<Line>, ended: bool) -> Outcome {
    Outcome::PlacesReturned(Box::new(PlacesReturned {
        booking: 0,
        show: SHOW,
        user: USER,
        parts,
        refund_price: 1,
        refund_fees: 0,
        lines,
        order_fee: 0,
        order_fee_tax: 0,
        total: 4,
        tax: 0,
        currency: Currency(*b"THB"),
        ended,
    }))
}

fn taken(seat: SeatIndex) -> Outcome {
    Outcome::SeatsTaken(BlockChange {
        show: SHOW,
        zone: 0,
        seats: SeatList::from(&[seat][..]),
        quantity: 1,
    })
}

#[test]
fn orders_are_followed_place_by_place() {
    let all = || vec![part(0, &[9, 7], 2), part(1, &[], 3)];
    let left = || vec![line(0, &[9], 1), line(1, &[], 3), line(0, &[], 0)];
    let nothing = || vec![line(0, &[], 0), line(1, &[], 0), line(0, &[], 0)];
    let without = || vec![part(0, &[7], 1)];
    let cases: Vec<(Vec<Outcome>, Option<&str>)> = vec![
        (vec![sold(all())], None),
        (vec![sold(vec![part(0, &[9, 7], 2)])], Some("confirms 0")),
        (
            vec![
                sold(all()),
                returned(without(), left(), false),
                reserved(3, 7),
            ],
            None,
        ),
        (
            vec![
                sold(all()),
                returned(without(), left(), false),
                reserved(3, 9),
            ],
            Some("gives 9 of"),
        ),
        (
            vec![
                sold(all()),
                returned(all(), nothing(), true),
                reserved(3, 9),
            ],
            None,
        ),
        (
            vec![returned(without(), left(), false)],
            Some("which is not sold"),
        ),
        (
            vec![sold(all()), returned(without(), nothing(), true)],
            Some("gives back"),
        ),
        (
            vec![sold(all()), returned(without(), left(), true)],
            Some("gives back"),
        ),
        (vec![taken(7)], Some("takes 7 of")),
        (vec![taken(8), reserved(2, 8)], Some("gives 8 of")),
        (
            vec![
                taken(8),
                Outcome::ShowCancelled { show: SHOW },
                reserved(3, 8),
            ],
            Some("gives 8 of"),
        ),
    ];
    for (case, (outcomes, want)) in cases.into_iter().enumerate() {
        let mut ledger = Ledger::default();
        ledger.take(&record(0, order())).unwrap();
        let found = (1..)
            .zip(outcomes)
            .try_for_each(|(offset, outcome)| ledger.take(&record(offset, outcome)));
        match (found, want) {
            (Ok(()), None) => {}
            (Err(text), Some(want)) => assert!(text.contains(want), "{case}: {text}"),
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

/// It stands there once for each zone, and without one of them it is not the order.
#[test]
fn an_order_expires_with_all_its_zones() {
    let ended = |zone, seats: &[SeatIndex], quantity| EndedBooking {
        booking: 0,
        show: SHOW,
        user: USER,
        zone,
        seats: SeatList::from(seats),
        quantity,
    };
    for (expired, is_right) in [
        (vec![ended(0, &[9, 7], 2), ended(1, &[], 3)], true),
        (vec![ended(0, &[9, 7], 2)], false),
        (vec![ended(1, &[], 3)], false),
    ] {
        let mut ledger = Ledger::default();
        ledger.take(&record(0, order())).unwrap();
        let mut expiry = record(1, Outcome::Nothing);
        expiry.expired = expired;
        assert_eq!(ledger.take(&expiry).is_ok(), is_right);
    }
}

#[test]
fn a_broken_chain_is_found() {
    let mut ledger = Ledger::default();
    ledger.take(&record(0, Outcome::Nothing)).unwrap();
    assert!(ledger.take(&record(2, Outcome::Nothing)).is_err());
}

#[test]
fn a_replay_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.take(&record(0, reserved(0, 7))).unwrap();
    let mut again = record(1, reserved(0, 7));
    again.replay_of = Some(onsale_schemas::outcome::Replayed {
        offset: 0,
        log_time_ms: 0,
    });
    assert_eq!(ledger.take(&again), Ok(()));
}
