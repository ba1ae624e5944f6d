use onsale_schemas::outcome::{BlockChange, Confirmed, EndedBooking, Reserved};
use onsale_schemas::{Outcome, OutcomeRecord, SeatList, ZoneCounts};

mod orders;

use super::*;

const P: PartitionId = PartitionId(2);
const EVENT: EventId = EventId::from_bytes([1; 16]);
const SHOW: ShowId = ShowId::from_bytes([2; 16]);
const USER: UserId = UserId::from_bytes([3; 16]);

fn reserved_by(user: UserId, offset: Offset, quantity: u32) -> OutcomeRecord {
    record(
        offset,
        Outcome::Reserved(Reserved {
            booking: offset,
            show: SHOW,
            event: EVENT,
            user,
            zone: 1,
            seats: SeatList::new(),
            quantity,
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            expires_at_ms: 1,
        }),
    )
}

fn reserved(offset: Offset, quantity: u32) -> OutcomeRecord {
    reserved_by(USER, offset, quantity)
}

fn ended(booking: Offset, quantity: u32) -> EndedBooking {
    EndedBooking {
        booking,
        show: SHOW,
        user: USER,
        zone: 1,
        seats: SeatList::new(),
        quantity,
    }
}

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

fn apply(fold: &mut Fold, from_offset: Offset, outcomes: Vec<OutcomeRecord>) {
    let next_offset = outcomes.last().map_or(from_offset, |last| last.offset + 1);
    fold.apply(&ProjectionBatch {
        partition: P,
        from_offset,
        next_offset,
        log_time_ms: 0,
        outcomes,
        askers: Vec::new(),
    });
}

/// Two zones of 10 and 100 places, some of the second taken.
fn places(as_of: Offset, held: u32) -> ShowPlaces {
    let zone = |available, held| ZoneCounts {
        available,
        held,
        ..ZoneCounts::default()
    };
    ShowPlaces {
        event_id: EVENT,
        partition: P,
        as_of,
        cancelled: false,
        zones: vec![zone(10, 0), zone(100 - held, held)],
    }
}

/// A fold that has read the show as of offset 10 with 5 places taken.
fn live() -> Fold {
    let mut fold = Fold::default();
    apply(&mut fold, 5, vec![reserved(9, 5)]);
    assert_eq!(fold.take_unread(9), [SHOW]);
    fold.read(SHOW, Some(&places(10, 5)));
    fold
}

/// Available places of the second zone, where they are to be written.
fn available(due: &Due) -> Option<u32> {
    due.zones
        .iter()
        .find(|zone| zone.zone == 1)
        .map(|zone| zone.places.available)
}

fn users_from(due: &Due) -> Offset {
    due.zones.first().unwrap().places.users_from
}

#[test]
fn a_show_is_read_first_and_every_change_counts_once() {
    let mut fold = Fold::default();
    // Both are in the store before anybody reads.
    apply(&mut fold, 0, vec![reserved(0, 5), reserved(1, 7)]);
    let due = fold.take_due();
    assert!(due.users.is_empty() && due.zones.is_empty());
    assert_eq!(fold.take_unread(9), [SHOW]);
    assert!(fold.take_unread(9).is_empty(), "it is being read");
    // While it is read: one that the read has seen, one that it has not.
    apply(&mut fold, 2, vec![reserved(2, 1), reserved(3, 2)]);
    fold.read(SHOW, Some(&places(3, 13)));
    // The read was ahead of this one.
    let due = fold.take_due();
    assert_eq!(available(&due), Some(85));
    assert_eq!(due.zones.len(), 2);
    assert_eq!(due.zones[0].places.version, 4);
    assert_eq!(due.users.len(), 1, "a buyer's changes are written together");
    assert!(
        fold.take_due().zones.is_empty(),
        "nothing is dirty any more"
    );
    apply(&mut fold, 4, vec![reserved(4, 10)]);
    let due = fold.take_due();
    assert_eq!(available(&due), Some(75));
    assert_eq!(due.zones.len(), 1, "only what changed");
}

#[test]
fn a_read_that_is_ahead_of_the_batches_is_not_counted_twice() {
    let mut fold = Fold::default();
    apply(&mut fold, 0, vec![reserved(0, 5)]);
    fold.take_unread(9);
    fold.read(SHOW, Some(&places(3, 10)));
    apply(&mut fold, 1, vec![reserved(1, 2), reserved(2, 3)]);
    let due = fold.take_due();
    assert_eq!(available(&due), Some(90));
    assert_eq!(due.zones[0].places.version, 3);
}

#[test]
fn every_outcome_moves_places_as_it_should() {
    let confirmed = |revived, first| {
        Outcome::Confirmed(Confirmed {
            booking: 9,
            show: SHOW,
            user: USER,
            zone: 1,
            seats: SeatList::new(),
            quantity: 5,
            payment_reference: "p".to_owned(),
            confirmed_at_ms: 0,
            first,
            revived,
        })
    };
    let block = BlockChange {
        show: SHOW,
        zone: 1,
        seats: SeatList::new(),
        quantity: 7,
    };
    let expired = OutcomeRecord {
        expired: vec![ended(9, 5)],
        ..record(10, Outcome::Nothing)
    };
    let replay = OutcomeRecord {
        replay_of: Some(onsale_schemas::outcome::Replayed {
            offset: 9,
            log_time_ms: 0,
        }),
        ..reserved(10, 5)
    };
    let released = Outcome::Released {
        booking: ended(9, 5),
        was_confirmed: true,
    };
    let cases = [
        (record(10, confirmed(false, true)), 95, true),
        (record(10, confirmed(true, true)), 90, true),
        (record(10, confirmed(false, false)), 95, false),
        (record(10, released), 100, true),
        (expired, 100, true),
        (record(10, Outcome::Blocked(block.clone())), 88, false),
        (record(10, Outcome::Unblocked(block)), 102, false),
        (replay, 95, false),
    ];
    for (record, expected, touches_user) in cases {
        let mut fold = live();
        fold.take_due();
        let outcome = format!("{record:?}");
        apply(&mut fold, 10, vec![record]);
        fold.all_dirty();
        let due = fold.take_due();
        // More than there are cannot be written.
        assert_eq!(available(&due), Some(expected.min(100)), "{outcome}");
        assert_eq!(!due.users.is_empty(), touches_user, "{outcome}");
    }
}

#[test]
fn repeats_change_nothing_and_a_gap_begins_again() {
    let mut fold = live();
    assert_eq!(users_from(&fold.take_due()), 5);
    apply(&mut fold, 5, vec![reserved(9, 5)]);
    assert!(fold.take_due().zones.is_empty());
    apply(&mut fold, 20, vec![reserved(20, 1)]);
    assert_eq!(
        fold.take_unread(9),
        [SHOW],
        "what came in between is not known"
    );
    assert!(fold.take_due().zones.is_empty());
    fold.read(SHOW, Some(&places(21, 50)));
    let due = fold.take_due();
    assert_eq!(available(&due), Some(50));
    assert_eq!(users_from(&due), 20);
}

#[test]
fn what_was_not_written_is_dirty_again() {
    let mut fold = live();
    let due = fold.take_due();
    assert_eq!((due.users.len(), due.zones.len()), (1, 2));
    fold.put_back(&due);
    let again = fold.take_due();
    assert_eq!((again.users.len(), again.zones.len()), (1, 2));
    fold.beat();
    assert_eq!(fold.take_due().zones.len(), 2, "a heartbeat writes all");
}

#[test]
fn too_many_buyers_make_older_tickets_worthless() {
    let mut fold = live();
    let user = |n: u64| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        UserId::from_bytes(bytes)
    };
    let max = u64::try_from(DIRTY_USERS_MAX).unwrap();
    // One is dirty already.
    apply(
        &mut fold,
        10,
        (10..10 + max - 1)
            .map(|n| reserved_by(user(n), n, 0))
            .collect(),
    );
    let mut same = fold.take_due();
    assert_eq!(users_from(&same), 5);
    assert_eq!(same.users.len(), DIRTY_USERS_MAX);
    fold.put_back(&same);
    apply(&mut fold, 9 + max, vec![reserved_by(user(1), 9 + max, 0)]);
    same = fold.take_due();
    assert_eq!(users_from(&same), 10 + max);
}

#[test]
fn a_cancelled_show_is_let_go_and_the_tickets_of_its_buyers_count_no_more() {
    let mut fold = live();
    let other = ShowId::from_bytes([9; 16]);
    let mut elsewhere = reserved(10, 1);
    if let Outcome::Reserved(reserved) = &mut elsewhere.outcome {
        reserved.show = other;
    }
    apply(&mut fold, 10, vec![elsewhere]);
    fold.take_unread(9);
    fold.read(other, Some(&places(11, 1)));
    fold.take_due();
    apply(
        &mut fold,
        11,
        vec![record(11, Outcome::ShowCancelled { show: SHOW })],
    );
    let due = fold.take_due();
    assert!(due.zones.iter().all(|zone| zone.show == other));
    assert_eq!(users_from(&due), 12);
}

#[test]
fn a_show_that_cannot_be_read_is_left_out_or_tried_again() {
    let mut fold = Fold::default();
    apply(&mut fold, 0, vec![reserved(0, 1)]);
    assert_eq!(fold.take_unread(9), [SHOW]);
    fold.not_read(SHOW);
    assert_eq!(fold.take_unread(9), [SHOW]);
    fold.read(SHOW, None);
    assert!(fold.take_unread(9).is_empty());
    let due = fold.take_due();
    assert!(due.users.is_empty() && due.zones.is_empty());
}

/// The tickets of the only buyer that is due.
fn tickets(due: &Due) -> Option<UserTickets> {
    assert_eq!(due.users.len(), 1);
    due.users[0].tickets
}

#[test]
fn a_buyer_is_read_again_only_after_more_than_reservations() {
    let mut fold = live();
    let due = fold.take_due();
    assert_eq!(tickets(&due), None);
    let read = UserTickets {
        version: 10,
        tickets: 5,
        until_ms: Some(1),
    };
    fold.buyer_read(&due.users[0], read);
    apply(&mut fold, 10, vec![reserved(10, 2), reserved(12, 1)]);
    let due = fold.take_due();
    let added = UserTickets {
        version: 13,
        tickets: 8,
        until_ms: Some(1),
    };
    assert_eq!(tickets(&due), Some(added));
    // Of another buyer, and what is as of a later record is as right.
    apply(
        &mut fold,
        13,
        vec![reserved_by(UserId::from_bytes([7; 16]), 13, 1)],
    );
    fold.take_due();
    fold.put_back(&due);
    assert_eq!(tickets(&fold.take_due()).map(|t| t.version), Some(14));
    let released = Outcome::Released {
        booking: ended(10, 2),
        was_confirmed: false,
    };
    apply(&mut fold, 14, vec![record(14, released), reserved(15, 1)]);
    assert_eq!(tickets(&fold.take_due()), None);
}

#[test]
fn what_was_read_before_a_later_record_is_not_remembered() {
    let mut fold = live();
    let due = fold.take_due();
    apply(&mut fold, 10, vec![reserved(10, 2)]);
    let read = UserTickets {
        version: 10,
        tickets: 5,
        until_ms: None,
    };
    fold.buyer_read(&due.users[0], read);
    assert_eq!(tickets(&fold.take_due()), None);
    let read = UserTickets {
        version: 11,
        tickets: 7,
        until_ms: None,
    };
    fold.buyer_read(&due.users[0], read);
    apply(&mut fold, 30, vec![reserved(30, 1)]);
    fold.take_unread(9);
    fold.read(SHOW, Some(&places(31, 9)));
    assert_eq!(tickets(&fold.take_due()), None, "a gap");
    fold.buyer_read(
        &due.users[0],
        UserTickets {
            version: 31,
            ..read
        },
    );
    for _ in 0..BUYERS_MAX_BEATS {
        assert_eq!(
            fold.buyers.tickets(EVENT, USER, 31).map(|t| t.tickets),
            Some(7)
        );
        fold.beat();
    }
    assert_eq!(fold.buyers.tickets(EVENT, USER, 31), None, "a minute later");
}

#[test]
fn quiet_shows_are_let_go() {
    let mut fold = live();
    for _ in 0..QUIET_MAX_BEATS {
        fold.beat();
    }
    assert_eq!(fold.take_due().zones.len(), 2);
    fold.beat();
    assert!(fold.take_due().zones.is_empty());
}
