//! What happens to plain bookings.

use onsale_schemas::limits::{ENDED_BOOKING_KEPT_MS, EXPIRIES_PER_ENTRY_MAX};
use onsale_schemas::{Command, OutcomeRecord};

use super::*;
use crate::model::ModelLimits;
use crate::model::testing::{
    HOLD_MS, Script, confirm, general, limits, rejected, release, reserve, reserve_general,
    reserve_seats, show_of, user,
};

const HOLD: u64 = HOLD_MS as u64;

fn extend(booking: Offset, by_ms: u32) -> Command {
    Command::Extend { booking, by_ms }
}

fn give_back(booking: Offset) -> Command {
    Command::Return { booking }
}

fn refused(rejection: Rejection) -> Outcome {
    Outcome::Rejected(rejection)
}

fn expired(record: &OutcomeRecord) -> Vec<Offset> {
    record.expired.iter().map(|ended| ended.booking).collect()
}

/// What each command answers by the state of its booking; `None` where it succeeds.
#[test]
fn answers_by_state() {
    use Rejection::{AlreadyCancelled, AlreadyConfirmed, ReservationExpired};
    type Reach = fn(&mut Script, Offset);
    let held: Reach = |_, _| {};
    let sold: Reach = |script, booking| {
        script.run(confirm(booking, "p"));
    };
    let released: Reach = |script, booking| {
        script.run(release(booking));
    };
    let returned: Reach = |script, booking| {
        script.run(confirm(booking, "p"));
        script.run(give_back(booking));
    };
    // Expired, and its seat has gone to another user.
    let gone: Reach = |script, _| {
        script.now += HOLD;
        script.hold(reserve_seats(1, 2, &[0]));
    };
    // confirm with another reference, release, return, extend
    let cases: [(Reach, [Option<Rejection>; 4]); 5] = [
        (held, [None, None, None, None]),
        (
            sold,
            [
                Some(AlreadyConfirmed),
                Some(AlreadyConfirmed),
                None,
                Some(AlreadyConfirmed),
            ],
        ),
        (released, [const { Some(AlreadyCancelled) }; 4]),
        (returned, [const { Some(AlreadyCancelled) }; 4]),
        (gone, [const { Some(ReservationExpired) }; 4]),
    ];
    for (state, (reach, answers)) in cases.iter().enumerate() {
        for (command, want) in answers.iter().enumerate() {
            let mut script = Script::new();
            let booking = script.hold(reserve_seats(1, 1, &[0]));
            reach(&mut script, booking);
            let got = script.run(match command {
                0 => confirm(booking, "other"),
                1 => release(booking),
                2 => give_back(booking),
                _ => extend(booking, 1),
            });
            match want {
                Some(rejection) => {
                    assert_eq!(got, refused(rejection.clone()), "{state} {command}");
                }
                None => assert!(
                    !matches!(got, Outcome::Rejected(_)),
                    "{state} {command}: {got:?}"
                ),
            }
        }
    }
}

#[test]
fn a_payment_reference_has_a_length() {
    let mut script = Script::new();
    let bad = rejected(InvalidReason::PaymentReference);
    // Wins over the unknown booking.
    assert_eq!(script.run(confirm(77, "")), bad);
    assert_eq!(script.run(confirm(77, &"x".repeat(129))), bad);
    let booking = script.hold(reserve_seats(1, 1, &[0]));
    assert!(matches!(
        script.run(confirm(booking, &"x".repeat(128))),
        Outcome::Confirmed(_)
    ));
}

#[test]
fn a_stranger_learns_nothing() {
    let mut script = Script::new();
    let booking = script.hold(reserve_seats(1, 1, &[0]));
    for (by, known) in [
        (Actor::Buyer(user(2)), false),
        (Actor::Buyer(user(1)), true),
    ] {
        let confirmed = script.run(Command::Confirm(Confirm {
            booking,
            by,
            payment_reference: "p".to_owned(),
        }));
        let released = script.run(Command::Release { booking, by });
        for outcome in [confirmed, released] {
            assert_eq!(outcome != refused(Rejection::UnknownBooking), known);
        }
    }
    assert_eq!(
        script.run(give_back(77)),
        refused(Rejection::UnknownBooking)
    );
}

#[test]
fn confirming_again_with_the_same_reference_tells_the_first_time() {
    let mut script = Script::new();
    let booking = script.hold(reserve_seats(1, 1, &[0]));
    let first_at = script.now;
    script.run(confirm(booking, "p"));
    script.now += 5_000_000;
    let Outcome::Confirmed(again) = script.run(confirm(booking, "p")) else {
        panic!()
    };
    assert!(!again.first && !again.revived);
    assert_eq!(again.confirmed_at_ms, first_at);
}

#[test]
fn a_hold_ends_at_its_end_and_not_before() {
    for (age, live) in [(HOLD - 1, true), (HOLD, false)] {
        let mut script = Script::new();
        let booking = script.hold(reserve_general(1, 1, 4));
        script.now += age;
        let record = script.machine(Command::Tick { epoch: 0 });
        assert_eq!(record.is_none(), live);
        let Some(record) = record else { continue };
        assert_eq!(expired(&record), [booking]);
        assert_eq!(record.outcome, Outcome::Nothing);
        script.hold(reserve_general(1, 1, 4));
    }
}

#[test]
fn a_late_confirm_has_its_places_back_beyond_the_limit_and_after_the_close() {
    let mut script = Script::new();
    let late = script.hold(reserve_general(1, 1, 4));
    script.now += HOLD;
    script.hold(reserve_seats(1, 1, &[0, 1, 2, 3]));
    script.run(Command::CloseShow {
        show: crate::model::testing::show_id(1),
    });
    let Outcome::Confirmed(revived) = script.run(confirm(late, "p")) else {
        panic!()
    };
    assert!(revived.first && revived.revived);
    assert_eq!(revived.confirmed_at_ms, script.now);
    assert!(matches!(
        script.run(give_back(late)),
        Outcome::Released {
            was_confirmed: true,
            ..
        }
    ));
}

#[test]
fn an_ended_booking_is_forgotten_after_the_kept_time() {
    for (age, known) in [
        (ENDED_BOOKING_KEPT_MS - 1, true),
        (ENDED_BOOKING_KEPT_MS, false),
    ] {
        let mut script = Script::new();
        let ran_out = script.hold(reserve_general(1, 1, 1));
        script.now += HOLD;
        let released = script.hold(reserve_general(1, 1, 1));
        script.run(release(released));
        script.now += age;
        let unknown = refused(Rejection::UnknownBooking);
        assert_eq!(script.run(release(released)) != unknown, known);
        assert_eq!(script.run(release(ran_out)) != unknown, known);
    }
}

#[test]
fn a_revived_booking_is_kept() {
    let mut script = Script::new();
    let booking = script.hold(reserve_general(1, 1, 1));
    script.now += HOLD;
    script.run(confirm(booking, "p"));
    script.now += 10 * ENDED_BOOKING_KEPT_MS;
    assert_eq!(
        script.run(release(booking)),
        refused(Rejection::AlreadyConfirmed)
    );
}

#[test]
fn extensions_add_up_to_a_day_at_most() {
    let mut script = Script::new();
    let booking = script.hold(reserve_seats(1, 1, &[0]));
    let out_of_range = rejected(InvalidReason::OutOfRange);
    assert_eq!(script.run(extend(77, 0)), out_of_range, "before unknown");
    script.now += 10;
    let rest = HOLD_MAX_MS - HOLD_MS;
    assert_eq!(script.run(extend(booking, rest + 1)), out_of_range);
    let Outcome::Extended { expires_at_ms, .. } = script.run(extend(booking, rest)) else {
        panic!()
    };
    assert_eq!(expires_at_ms, script.now - 10 + u64::from(HOLD_MAX_MS));
    assert_eq!(script.run(extend(booking, 1)), out_of_range);
}

#[test]
fn a_backlog_is_swept_in_order_and_a_due_hold_that_is_named_goes_first() {
    let mut script = Script::with(ModelLimits {
        bookings_max: 5_000,
        ..limits()
    });
    let mut large = show_of(2, vec![general(5_000)]);
    large.max_tickets_per_user = 0;
    script.run(Command::OpenShow(large));
    let pick = onsale_schemas::command::Pick::General { quantity: 1 };
    let max = EXPIRIES_PER_ENTRY_MAX as u64;
    let mut model = std::mem::replace(
        &mut script.model,
        crate::model::Model::new(onsale_schemas::PartitionId(0), limits()),
    );
    let first = model.next_offset();
    for _ in 0..max + 10 {
        let payload = onsale_schemas::codec::encode(&onsale_schemas::Envelope::machine(reserve(
            2,
            1,
            0,
            pick.clone(),
        )))
        .unwrap();
        model.apply(onsale_schemas::Entry {
            offset: model.next_offset(),
            log_time_ms: script.now,
            payload: &payload,
        });
    }
    script.model = model;
    script.now += HOLD;
    let last = first + max + 9;
    let record = script.record(confirm(last, "p"));
    let mut want: Vec<Offset> = (first..first + max).collect();
    want.push(last);
    assert_eq!(expired(&record), want);
    assert!(matches!(record.outcome, Outcome::Confirmed(c) if c.revived));
    let rest = script.machine(Command::Tick { epoch: 0 }).unwrap();
    assert_eq!(expired(&rest), (first + max..last).collect::<Vec<_>>());
}
