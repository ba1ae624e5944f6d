use onsale_schemas::SeatList;
use onsale_schemas::outcome::{
    Confirmed, EndedBooking, Line, PlacesReturned, PriceRule, ReleasedV2, Replayed, Reserved,
    ReservedV2,
};

use super::*;

const PARTITION: PartitionId = PartitionId(0);
const EVENT: EventId = EventId::from_bytes([1; 16]);
const SHOW: ShowId = ShowId::from_bytes([2; 16]);
const OTHER_SHOW: ShowId = ShowId::from_bytes([3; 16]);
const USER: UserId = UserId::from_bytes([4; 16]);
const NOW_MS: u64 = 1_000_000;
const UNTIL_MS: u64 = NOW_MS + 600_000;

fn record(offset: Offset, outcome: Outcome) -> OutcomeRecord {
    OutcomeRecord {
        offset,
        previous: offset.checked_sub(1),
        log_time_ms: NOW_MS,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome,
    }
}

fn reserved_of(show: ShowId, booking: Offset, quantity: u32) -> Outcome {
    Outcome::Reserved(Reserved {
        booking,
        show,
        event: EVENT,
        user: USER,
        zone: 0,
        seats: SeatList::new(),
        quantity,
        unit_price: 1,
        currency: "THB".parse().unwrap(),
        expires_at_ms: UNTIL_MS,
    })
}

fn ended(show: ShowId, booking: Offset, quantity: u32) -> EndedBooking {
    EndedBooking {
        booking,
        show,
        user: USER,
        zone: 0,
        seats: SeatList::new(),
        quantity,
    }
}

fn released(booking: Offset, quantity: u32) -> Outcome {
    Outcome::Released {
        booking: ended(SHOW, booking, quantity),
        was_confirmed: false,
    }
}

fn confirmed(booking: Offset, quantity: u32) -> Outcome {
    Outcome::Confirmed(Confirmed {
        booking,
        show: SHOW,
        user: USER,
        zone: 0,
        seats: SeatList::new(),
        quantity,
        payment_reference: "p".to_owned(),
        confirmed_at_ms: NOW_MS,
        first: true,
        revived: false,
    })
}

fn apply(buyers: &Buyers, records: Vec<OutcomeRecord>) {
    buyers.apply(&OutcomeBatch {
        partition: PARTITION,
        records,
    });
}

/// The refusal of one more ticket.
fn over(buyers: &Buyers) -> Option<OverLimit> {
    over_at(buyers, NOW_MS)
}

fn wanted(show: ShowId) -> Wanted {
    Wanted {
        partition: PARTITION,
        event: EVENT,
        show,
        user: USER,
        quantity: 1,
        answered_before: 0,
    }
}

fn over_at(buyers: &Buyers, now_ms: u64) -> Option<OverLimit> {
    buyers.over_limit(&wanted(SHOW), now_ms)
}

/// A buyer with three of three tickets, the last reservation at offset 12.
fn at_the_limit() -> Buyers {
    let buyers = Buyers::new(1);
    apply(
        &buyers,
        vec![
            record(10, reserved_of(SHOW, 10, 1)),
            record(12, reserved_of(OTHER_SHOW, 12, 2)),
        ],
    );
    buyers.note_limit(PARTITION, SHOW, 3, 11);
    buyers
}

#[test]
fn tickets_of_all_shows_count_against_the_limit_in_the_log() {
    let buyers = at_the_limit();
    let refusal = OverLimit {
        limit: 3,
        current: 3,
        as_of: 13,
    };
    assert_eq!(over(&buyers), Some(refusal));
    assert_eq!(buyers.limit(&wanted(SHOW)), Some(3));
    assert_eq!(buyers.limit(&wanted(OTHER_SHOW)), None);
}

#[test]
fn without_a_known_limit_the_log_decides() {
    let buyers = Buyers::new(1);
    apply(&buyers, vec![record(10, reserved_of(SHOW, 10, 50))]);
    assert_eq!(over(&buyers), None);
    buyers.note_limit(PARTITION, SHOW, 0, 11);
    assert_eq!(over(&buyers), None, "0 is no limit");
    buyers.note_limit(PartitionId(9), SHOW, 1, 12);
    assert_eq!(over(&buyers), None, "no such partition");
}

#[test]
fn every_end_of_a_booking_gives_its_tickets_back() {
    let ends: [(&str, OutcomeRecord); 3] = [
        ("released", record(20, released(10, 1))),
        (
            "expired",
            OutcomeRecord {
                expired: vec![ended(SHOW, 10, 1)],
                ..record(20, Outcome::Nothing)
            },
        ),
        (
            "show cancelled",
            record(20, Outcome::ShowCancelled { show: OTHER_SHOW }),
        ),
    ];
    for (name, end) in ends {
        let buyers = at_the_limit();
        apply(&buyers, vec![end.clone()]);
        assert_eq!(over(&buyers), None, "{name}");
        // The same end again, and ends of what was never counted, change nothing.
        apply(&buyers, vec![end, record(21, released(3, 9))]);
        apply(&buyers, vec![record(22, reserved_of(SHOW, 22, 3))]);
        assert!(over(&buyers).is_some(), "{name}");
    }
}

#[test]
fn an_answer_to_the_buyer_that_is_not_seen_yet_silences_it() {
    let buyers = at_the_limit();
    let answered = Wanted {
        answered_before: 21,
        ..wanted(SHOW)
    };
    assert_eq!(buyers.over_limit(&answered, NOW_MS), None);
    assert_eq!(buyers.limit(&answered), None);
    assert!(over(&buyers).is_some(), "another buyer got no answer");
    buyers.invalidate_from(PARTITION, 20);
    assert_eq!(over(&buyers), None, "everybody is concerned");
    apply(&buyers, vec![record(19, Outcome::Nothing)]);
    assert_eq!(over(&buyers), None);
    apply(&buyers, vec![record(20, Outcome::Nothing)]);
    assert!(over(&buyers).is_some());
    assert!(buyers.over_limit(&answered, NOW_MS).is_some());
}

#[test]
fn a_hold_about_to_run_out_does_not_count_and_a_sale_never_runs_out() {
    let buyers = at_the_limit();
    assert!(over_at(&buyers, UNTIL_MS - CLOCKS_APART_MAX_MS - 1).is_some());
    assert_eq!(over_at(&buyers, UNTIL_MS - CLOCKS_APART_MAX_MS), None);
    let extended = Outcome::Extended {
        booking: 12,
        show: OTHER_SHOW,
        user: USER,
        expires_at_ms: UNTIL_MS + 60_000,
    };
    apply(
        &buyers,
        vec![record(20, confirmed(10, 1)), record(21, extended)],
    );
    assert!(over_at(&buyers, UNTIL_MS).is_some());
    assert_eq!(
        over_at(&buyers, UNTIL_MS + 60_000),
        None,
        "the extended hold"
    );
}

#[test]
fn a_replay_is_not_counted_twice() {
    let buyers = Buyers::new(1);
    buyers.note_limit(PARTITION, SHOW, 2, 5);
    let first = record(10, reserved_of(SHOW, 10, 1));
    let replay = OutcomeRecord {
        replay_of: Some(Replayed {
            offset: 10,
            log_time_ms: NOW_MS,
        }),
        ..record(11, reserved_of(SHOW, 10, 1))
    };
    apply(&buyers, vec![first, replay]);
    assert_eq!(over(&buyers), None);
}

#[test]
fn a_sale_begun_before_this_process_counts_once_it_is_heard_of() {
    let buyers = Buyers::new(1);
    buyers.note_limit(PARTITION, SHOW, 2, 5);
    apply(
        &buyers,
        vec![
            record(10, reserved_of(SHOW, 10, 1)),
            record(11, confirmed(3, 1)),
        ],
    );
    assert!(over(&buyers).is_some());
}

#[test]
fn an_amendment_makes_the_limit_unknown_until_it_is_seen_again() {
    let buyers = at_the_limit();
    apply(
        &buyers,
        vec![record(20, Outcome::ShowAmended { show: SHOW })],
    );
    assert_eq!(over(&buyers), None);
    buyers.note_limit(PARTITION, SHOW, 3, 15);
    assert_eq!(over(&buyers), None, "a reply from before the amendment");
    buyers.note_limit(PARTITION, SHOW, 2, 21);
    assert_eq!(over(&buyers).unwrap().limit, 2);
    buyers.note_limit(PARTITION, SHOW, 9, 20);
    assert_eq!(over(&buyers).unwrap().limit, 2, "the newest counts");
}

#[test]
fn after_missed_outcomes_nothing_is_known() {
    let buyers = at_the_limit();
    buyers.invalidate_all();
    assert_eq!(over(&buyers), None);
    buyers.note_limit(PARTITION, SHOW, 1, 30);
    apply(&buyers, vec![record(40, reserved_of(SHOW, 40, 1))]);
    assert_eq!(over(&buyers), None, "an amendment may have been missed");
    buyers.note_limit(PARTITION, SHOW, 1, 41);
    assert!(over(&buyers).is_some());
}

#[test]
fn the_table_is_bounded_and_forgets_the_quiet_event_first() {
    let buyers = Buyers::new(1);
    let user = |n: u32| {
        let mut bytes = [0u8; 16];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        UserId::from_bytes(bytes)
    };
    let of = |event: u8, n: u32| {
        let Outcome::Reserved(reserved) = reserved_of(ShowId::from_bytes([event; 16]), n.into(), 1)
        else {
            unreachable!();
        };
        let reserved = Reserved {
            event: EventId::from_bytes([event; 16]),
            user: user(n),
            ..reserved
        };
        record(n.into(), Outcome::Reserved(reserved))
    };
    let max = u32::try_from(BOOKINGS_MAX).unwrap();
    apply(&buyers, vec![of(7, 0)]);
    apply(&buyers, (1..max + 2).map(|n| of(8, n)).collect());
    let table = buyers.table.lock();
    assert_eq!(table.bookings, BOOKINGS_MAX);
    assert_eq!(table.events.len(), 1, "the quiet one was forgotten");
    assert_eq!(table.event_of.len(), 1);
    assert_eq!(
        table
            .events
            .values()
            .map(|event| event.bookings)
            .sum::<usize>(),
        table.bookings
    );
}

#[test]
fn what_is_older_than_an_end_of_the_buyers_tickets_is_too_old() {
    let buyers = at_the_limit();
    assert_eq!(buyers.version_min(&wanted(SHOW)), 0);
    apply(&buyers, vec![record(20, released(10, 1))]);
    assert_eq!(buyers.version_min(&wanted(SHOW)), 21);
    let expired = OutcomeRecord {
        expired: vec![ended(OTHER_SHOW, 12, 2)],
        ..record(25, Outcome::Nothing)
    };
    apply(&buyers, vec![expired]);
    assert_eq!(buyers.version_min(&wanted(SHOW)), 26);
    let other = Wanted {
        user: UserId::from_bytes([9; 16]),
        ..wanted(SHOW)
    };
    assert_eq!(buyers.version_min(&other), 0);
    apply(
        &buyers,
        vec![record(30, Outcome::ShowCancelled { show: SHOW })],
    );
    assert_eq!(buyers.version_min(&other), 31, "everybody's may have ended");
}

fn line(zone: u16, quantity: u32) -> Line {
    Line {
        zone,
        ticket_type: 0,
        seats: SeatList::new(),
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

/// Two places of one zone and one of another.
fn ordered(booking: Offset) -> Outcome {
    Outcome::ReservedV2(Box::new(ReservedV2 {
        booking,
        show: SHOW,
        event: EVENT,
        user: USER,
        lines: vec![line(0, 2), line(1, 1)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 3,
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: None,
        expires_at_ms: UNTIL_MS,
    }))
}

fn returned(booking: Offset, left: [u32; 2]) -> Outcome {
    Outcome::PlacesReturned(Box::new(PlacesReturned {
        booking,
        show: SHOW,
        user: USER,
        parts: Vec::new(),
        refund_price: 0,
        refund_fees: 0,
        lines: vec![line(0, left[0]), line(1, left[1])],
        order_fee: 0,
        order_fee_tax: 0,
        total: 0,
        tax: 0,
        currency: "THB".parse().unwrap(),
        ended: left == [0, 0],
    }))
}

#[test]
fn an_order_counts_with_all_its_zones_until_they_end() {
    let current = |buyers: &Buyers| over(buyers).map(|over| over.current);
    let order = || {
        let buyers = Buyers::new(1);
        apply(&buyers, vec![record(10, ordered(10))]);
        buyers.note_limit(PARTITION, SHOW, 2, 11);
        buyers
    };
    let buyers = order();
    assert_eq!(current(&buyers), Some(3));
    apply(&buyers, vec![record(12, returned(10, [1, 1]))]);
    assert_eq!(current(&buyers), Some(2), "one went back");
    apply(&buyers, vec![record(13, returned(10, [0, 0]))]);
    assert_eq!(current(&buyers), None, "all went back");
    // An order that runs out is told zone by zone.
    let buyers = order();
    let mut expiry = record(12, Outcome::Nothing);
    expiry.expired = vec![ended(SHOW, 10, 2), ended(SHOW, 10, 1)];
    apply(&buyers, vec![expiry]);
    assert_eq!(current(&buyers), None);
    let buyers = order();
    let released = Outcome::ReleasedV2(ReleasedV2 {
        booking: 10,
        show: SHOW,
        user: USER,
        parts: Vec::new(),
        was_confirmed: false,
    });
    apply(&buyers, vec![record(12, released)]);
    assert_eq!(current(&buyers), None);
}
